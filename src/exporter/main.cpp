// ipmp-exporter: serves what in.mpathd knows to Prometheus over HTTP. It asks the daemon at each scrape, needs no
// privileges, keeps no state, and goes on while there is no daemon (`ipmp_up` is 0 then). The HTTP server is
// prometheus-cpp's, with threads of its own; this one waits for the signal that ends all.

#include <CivetServer.h>
#include <prometheus/exposer.h>
#include <pthread.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "exporter/listen_address.hpp"
#include "exporter/scrape.hpp"

namespace ipmp {
namespace {

constexpr const char* kDefaultAddress = "127.0.0.1:9916";
// Scrapes are few; a client that connects and says nothing holds one of these threads, and for so long only.
constexpr const char* kThreads = "4";
constexpr const char* kRequestTimeoutMs = "5000";

int fail(const std::string& text) {
    std::fprintf(stderr, "ipmp-exporter: %s\n", text.c_str());
    return 1;
}

// Before any thread is made, which would otherwise take one of them.
sigset_t block_end_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

int serve(const std::string& address) {
    sigset_t signals = block_end_signals();
    auto scrape = std::make_shared<Scrape>(Paths::from_environment());
    try {
        prometheus::Exposer exposer(std::vector<std::string>{"listening_ports", address, "num_threads", kThreads,
                                                             "request_timeout_ms", kRequestTimeoutMs});
        exposer.RegisterCollectable(scrape);
        int signal = 0;
        while (sigwait(&signals, &signal) != 0) continue;
        _exit(0);  // without waiting for scrapes that wait for a daemon
    } catch (const CivetException& error) {
        return fail("cannot listen on " + address + ": " + error.what());
    }
}

int run(int argc, char** argv) {
    std::string address = kDefaultAddress;
    CLI::App app{"Serves the state of IPMP to Prometheus, at http://ADDRESS:PORT/metrics."};
    app.add_option("-l,--listen", address, "where to listen; IPv6 addresses in brackets")
        ->type_name("ADDRESS:PORT")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    if (!is_listen_address(address)) return fail(address + " is no ADDRESS:PORT");
    return serve(address);
}

}  // namespace
}  // namespace ipmp

int main(int argc, char** argv) { return ipmp::run(argc, argv); }
