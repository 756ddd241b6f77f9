// in.mpathd: parses the command line, builds the objects in order of dependency, runs the loop.
// Where to read on: docs/ARCHITECTURE.md.
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
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
#include "shell/run_loop.hpp"
#include "shell/state_store.hpp"

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

// A late daemon is a late failover. Not permitted is fine.
void raise_priority() {
    sched_param parameter{.sched_priority = 10};
    if (::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter) < 0) {
        log_info("real-time priority is not permitted, ignoring");
    }
}

// Neither must a failover wait for a page to come back from a disk. All that exists is locked now, later memory as it
// is touched, so that stacks of threads cost no more than they use. At a limit allocations would fail: so either there
// is none, or it is for others. With a limit of 0 only those may lock whom none binds (CAP_IPC_LOCK).
void lock_memory() {
    rlimit former{};
    ::getrlimit(RLIMIT_MEMLOCK, &former);
    rlimit limit{former.rlim_max == RLIM_INFINITY ? RLIM_INFINITY : 0, former.rlim_max};
    bool locked = ::setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && ::mlockall(MCL_CURRENT) == 0 &&
                  ::mlockall(MCL_FUTURE | MCL_ONFAULT) == 0;
    if (locked) return;
    ::setrlimit(RLIMIT_MEMLOCK, &former);
    log_info("locking memory is not permitted, ignoring");
}

Result<void> run(const Paths& paths, Readiness& readiness) {
    block_signals();
    lock_memory();
    auto store = StateStore::open(paths);
    if (!store) return store.error();
    Config config = load_config(paths);
    Engine engine(config, host_id(paths), load_state(*store), random_number);

    FilterPrograms programs;
    Dataplane dataplane(programs);
    auto places = NetworkPlaces::open(paths.members_namespace());
    if (!places) return places.error();
    auto announcer = Announcer::open(*places);
    if (!announcer) return announcer.error();
    auto carrier_watch = CarrierWatch::open(*places);
    if (!carrier_watch) return carrier_watch.error();
    if (!carrier_watch->warning().empty()) log_error(carrier_watch->warning());
    auto control = ControlServer::listen(store->directory_fd());
    if (!control) return control.error();
    // Without a state an IPMP interface may be in any namespace that has a name.
    bool knows = !engine.state().groups.empty();
    auto netlink = NetlinkThread::start(programs, *places, knows ? engine.state().named_places : places->all_named());
    if (!netlink) return netlink.error();

    auto probes = ProbeSockets::open(*places);
    if (!probes) return probes.error();

    auto attacher = Attacher::create(paths, Attacher::installed_program());
    if (!attacher) return attacher.error();
    auto dhcp_clients = DhcpClients::create(DhcpClients::program_beside_us(), *places);
    if (!dhcp_clients) return dhcp_clients.error();

    auto name_services = NameServiceTable::create(paths.resolvconf());
    if (!name_services) return name_services.error();

    Executor executor(dataplane, *announcer, **netlink, *carrier_watch, **control, *probes, *attacher, *dhcp_clients,
                      *name_services);
    auto loop = RunLoop::create({engine, executor, *store, **netlink, *carrier_watch, **control, dataplane, *probes,
                                 *attacher, *dhcp_clients, *name_services},
                                paths);
    if (!loop) return loop.error();
    raise_priority();
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
