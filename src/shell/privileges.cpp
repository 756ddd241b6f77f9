#include "shell/privileges.hpp"

#include <sched.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <iterator>
#include <memory>

#include "base/result.hpp"
#include "shell/log.hpp"

namespace ipmp {

namespace {

constexpr int kPriority = 10;

constexpr cap_value_t kDaemon[] = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON};
constexpr cap_value_t kNamespaces[] = {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_RAW};

struct Free {
    void operator()(void* object) const { ::cap_free(object); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, Free>;

std::string name_of(cap_value_t capability) {
    std::unique_ptr<char, Free> name(::cap_to_name(capability));
    return name ? name.get() : std::to_string(capability);
}

// The names of those of `kept` that are not there.
std::vector<std::string> give_up_capabilities(const std::vector<cap_value_t>& kept) {
    std::vector<std::string> missing;
    Capabilities present(::cap_get_proc()), wanted(::cap_init());
    if (!present || !wanted) {
        log_error(system_error("cannot read the capabilities of this process, ignoring").text);
        return missing;
    }
    for (cap_value_t capability : kept) {
        cap_flag_value_t has = CAP_CLEAR;
        ::cap_get_flag(present.get(), capability, CAP_PERMITTED, &has);
        if (has != CAP_SET) {
            missing.push_back(name_of(capability));
            continue;
        }
        for (cap_flag_t flag : {CAP_PERMITTED, CAP_EFFECTIVE}) {
            ::cap_set_flag(wanted.get(), flag, 1, &capability, CAP_SET);
        }
    }
    ::cap_reset_ambient();
    // What a program that is run could have at most. To drop from it needs CAP_SETPCAP; without, no_new_privs must do.
    for (cap_value_t capability = 0; capability < ::cap_max_bits(); ++capability) ::cap_drop_bound(capability);
    if (::cap_set_proc(wanted.get()) != 0)
        log_error(system_error("cannot give up capabilities, ignoring").text);
    return missing;
}

}  // namespace

bool raise_priority() {
    sched_param parameter{.sched_priority = kPriority};
    return ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter) == 0;
}

// At a limit allocations would fail: so either there is none, or it is for others. With a limit of 0 only those may
// lock whom none binds.
MemoryLock lock_memory() {
    rlimit former{}, unlimited{RLIM_INFINITY, RLIM_INFINITY};
    ::getrlimit(RLIMIT_MEMLOCK, &former);
    bool lifted = ::setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0;
    rlimit none{0, former.rlim_max};
    bool locked = (lifted || ::setrlimit(RLIMIT_MEMLOCK, &none) == 0) && ::mlockall(MCL_CURRENT) == 0 &&
                  ::mlockall(MCL_FUTURE | MCL_ONFAULT) == 0;
    if (locked) return lifted ? MemoryLock::without_limit : MemoryLock::by_capability;
    ::setrlimit(RLIMIT_MEMLOCK, &former);
    return MemoryLock::none;
}

std::vector<std::string> confine(Role role, MemoryLock lock) {
    std::vector<cap_value_t> kept(std::begin(kNamespaces), std::end(kNamespaces));
    if (role == Role::daemon) kept.assign(std::begin(kDaemon), std::end(kDaemon));
    if (lock == MemoryLock::by_capability) kept.push_back(CAP_IPC_LOCK);
    std::vector<std::string> missing = give_up_capabilities(kept);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) log_error(system_error("no_new_privs, ignoring").text);
    return missing;
}

}  // namespace ipmp
