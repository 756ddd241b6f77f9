#include "shell/system_call_filter.hpp"

#include <seccomp.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <span>

#include "base/result.hpp"
#include "shell/log.hpp"

namespace ipmp {

namespace {

// Some do not exist on every architecture; those are passed over.
constexpr const char* kEverywhere[] = {
    // memory
    "brk", "madvise", "mmap", "mprotect", "mremap", "munmap",
    // itself
    "clock_getres", "clock_gettime", "exit", "exit_group", "futex", "getegid", "geteuid", "getgid", "getpid", "getppid",
    "getrandom", "gettid", "gettimeofday", "getuid", "restart_syscall", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "sigaltstack", "tgkill",
    // a thread that is just beginning; the C library ends the process where it may not
    "rseq", "set_robust_list",
    // files
    "access", "close", "faccessat", "faccessat2", "fcntl", "fstat", "fstatfs", "lseek", "lstat", "mkdir", "mkdirat",
    "newfstatat", "open", "openat", "read", "readlink", "readlinkat", "stat", "statfs", "statx", "unlink", "unlinkat",
    "write", "writev",
    // sockets
    "recvmsg", "sendmsg",
};

constexpr const char* kDaemon[] = {
    "bpf",
    // time, signals, children
    "clock_nanosleep", "getcpu", "getrlimit", "getrusage", "membarrier", "nanosleep", "pidfd_open",
    "pidfd_send_signal", "prctl", "prlimit64", "sched_getaffinity", "sched_yield", "signalfd4", "sysinfo", "uname",
    "wait4", "waitid",
    // files
    "dup", "fdatasync", "fsync", "getdents64", "ioctl", "pipe2", "pread64", "pwrite64", "rename", "renameat",
    "renameat2",
    // waiting
    "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "poll", "ppoll",
    "timerfd_create", "timerfd_settime",
    // sockets
    "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "recvfrom", "recvmmsg", "sendmmsg",
    "sendto", "setsockopt", "shutdown",
    // the control socket, where it could not be made at the start
    "fchmodat", "listen",
};

constexpr const char* kNamespaces[] = {"fsconfig", "fsmount", "fsopen", "mount", "setns", "umount2", "unshare"};

#ifdef IPMP_SANITIZED
constexpr bool kSanitized = true;  // the run-time of sanitizers makes other calls
#else
constexpr bool kSanitized = false;
#endif

constexpr int kSocketFamilies[] = {AF_UNIX, AF_NETLINK, AF_PACKET, AF_INET, AF_INET6};

// What the kernel or the library refuses is told by its number, below 0.
class AllowList {
  public:
    AllowList() : context_(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) {}

    void set(scmp_filter_attr attribute, std::uint32_t value) {
        keep(::seccomp_attr_set(context_.get(), attribute, value));
    }
    void allow(std::span<const char* const> names) {
        for (const char* name : names) {
            int number = ::seccomp_syscall_resolve_name(name);
            if (number != __NR_SCMP_ERROR) keep(::seccomp_rule_add(context_.get(), SCMP_ACT_ALLOW, number, 0));
        }
    }
    void allow_socket(int family) {
        keep(::seccomp_rule_add(context_.get(), SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family))));
    }
    int load() {
        if (!context_) return -ENOMEM;
        if (failure_ == 0) keep(::seccomp_load(context_.get()));
        return failure_;
    }

  private:
    struct Release {
        void operator()(void* context) const { ::seccomp_release(context); }
    };
    void keep(int outcome) {
        if (outcome < 0 && failure_ == 0) failure_ = outcome;
    }
    std::unique_ptr<void, Release> context_;
    int failure_ = 0;
};

}  // namespace

void filter_system_calls(Role role) {
    if (kSanitized) return;
    AllowList filter;
    filter.set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    filter.set(SCMP_FLTATR_CTL_LOG, 1);
    filter.set(SCMP_FLTATR_CTL_TSYNC, 1);
    filter.set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree
    filter.allow(kEverywhere);
    for (int family : kSocketFamilies) filter.allow_socket(family);
    filter.allow(role == Role::daemon ? std::span<const char* const>(kDaemon) : kNamespaces);
    int failure = filter.load();
    if (failure < 0) log_error(system_error("cannot filter system calls, ignoring", -failure).text);
}

}  // namespace ipmp
