// in.mpathd: parses the command line, builds the objects in order of dependency, runs the loop.
// Where to read on: docs/ARCHITECTURE.md.
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "core/engine.hpp"
#include "shell/announcer.hpp"
#include "shell/attacher.hpp"
#include "shell/carrier_watch.hpp"
#include "shell/control_server.hpp"
#include "shell/daemonize.hpp"
#include "shell/dataplane.hpp"
#include "shell/dhcp_clients.hpp"
#include "shell/executor.hpp"
#include "shell/log.hpp"
#include "shell/netlink_thread.hpp"
#include "shell/network_places.hpp"
#include "shell/privileges.hpp"
#include "shell/program_helper.hpp"
#include "shell/run_loop.hpp"
#include "shell/state_store.hpp"
#include "shell/system_call_filter.hpp"

namespace ipmp {
namespace {

// Makes MACs of our links differ between hosts, and between daemons that share one machine (IPMP_ROOT).
std::string host_id(const Paths& paths) {
    std::ifstream file("/etc/machine-id");
    std::string id;
    std::getline(file, id);
    return id + paths.root;
}

// Nonces of probes: nobody on the link may guess them.
std::uint64_t random_number() {
    std::uint64_t number = 0;
    while (::getrandom(&number, sizeof number, 0) != sizeof number) {}
    return number;
}

State load_state(const StateStore& store) {
    Result<State> state = store.load();
    if (state) return std::move(*state);
    log_error(state.error().text + "; set aside as state.json.bad, starting from what the kernel shows");
    store.set_aside();
    return {};
}

// The same root by a descriptor of our own: without privileges nobody follows a path through another process's
// /proc/PID/fd, where a laboratory's root may be.
Paths by_descriptor(const Paths& paths, UniqueFd& root) {
    if (!paths.root.empty()) root.reset(::open(paths.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return root ? Paths{"/proc/self/fd/" + std::to_string(root.get())} : paths;
}

// Takes what only root may have, and from here on whatever goes wrong in this process goes wrong with few rights.
void give_up_privileges() {
    if (!raise_priority()) log_info("real-time priority is not permitted, ignoring");
    MemoryLock lock = lock_memory();
    if (lock == MemoryLock::none) log_info("locking memory is not permitted, ignoring");
    std::string missing;
    for (const std::string& name : confine(Role::daemon, lock)) missing += (missing.empty() ? "" : ", ") + name;
    if (!missing.empty())
        log_error("started without " + missing + ": what needs that will fail (see in.mpathd(8), PRIVILEGES)");
}

Result<void> run(const Paths& paths, Readiness& readiness) {
    block_signals();
    CarrierTrace carrier_trace;  // first, for it takes its time to end
    auto store = StateStore::open(paths);
    if (!store) return store.error();
    auto program_helper = ProgramHelper::start(ProgramHelper::Paths::installed(paths.resolvconf()));
    if (!program_helper) return program_helper.error();
    auto places = NetworkPlaces::open(paths.members_namespace());
    if (!places) return places.error();
    auto carrier_watch = CarrierWatch::open(*places);
    if (!carrier_watch) return carrier_watch.error();
    if (!carrier_watch->warning().empty()) log_error(carrier_watch->warning());
    UniqueFd root;
    const Paths held = by_descriptor(paths, root);
    give_up_privileges();

    Config config = load_config(held);
    Engine engine(config, host_id(paths), load_state(*store), random_number);

    FilterPrograms programs;
    Dataplane dataplane(programs);
    if (auto started = carrier_trace.start(); !started) log_error("ignoring: " + started.error().text);
    carrier_watch->use(carrier_trace);
    auto announcer = Announcer::open(*places);
    if (!announcer) return announcer.error();
    auto control = ControlServer::listen(store->directory_fd());
    if (!control) return control.error();
    // Without a state an IPMP interface may be in any namespace that has a name.
    bool knows = !engine.state().groups.empty();
    auto netlink = NetlinkThread::start(programs, *places, knows ? engine.state().named_places : places->all_named());
    if (!netlink) return netlink.error();

    auto probes = ProbeSockets::open(*places);
    if (!probes) return probes.error();

    auto attacher = Attacher::create(held, *program_helper);
    if (!attacher) return attacher.error();
    auto dhcp_clients = DhcpClients::create(*program_helper, *places);
    if (!dhcp_clients) return dhcp_clients.error();

    auto name_services = NameServiceTable::create(held.resolvconf(), *program_helper);
    if (!name_services) return name_services.error();

    Executor executor(dataplane, *announcer, **netlink, *carrier_watch, **control, *probes, *attacher, *dhcp_clients,
                      *name_services);
    auto loop = RunLoop::create({engine, executor, *store, **netlink, *carrier_watch, **control, dataplane, *probes,
                                 *attacher, *dhcp_clients, *name_services},
                                held);
    if (!loop) return loop.error();
    filter_system_calls(Role::daemon);
    loop->run([&] { readiness.ready(); });
    return {};
}

}  // namespace
}  // namespace ipmp

int main(int argc, char** argv) {
    bool foreground = false;
    for (int option; (option = ::getopt(argc, argv, "f")) != -1;) {
        if (option != 'f') {
            std::fprintf(stderr, "usage: in.mpathd [-f]\n");
            return 1;
        }
        foreground = true;
    }
    if (optind != argc) {
        std::fprintf(stderr, "usage: in.mpathd [-f]\n");
        return 1;
    }
    std::signal(SIGPIPE, SIG_IGN);
    ipmp::Paths paths = ipmp::Paths::from_environment();
    ipmp::Readiness readiness = foreground ? ipmp::Readiness() : ipmp::Readiness::daemonize();
    if (!foreground) ipmp::log_to_syslog();
    ipmp::Result<void> result = ipmp::run(paths, readiness);
    if (result) return 0;
    readiness.failed(result.error().text);
    return 1;
}
