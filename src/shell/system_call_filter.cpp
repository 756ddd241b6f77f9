#include "shell/system_call_filter.hpp"

#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <memory>
#include <span>

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
    // files
    "access", "close", "faccessat", "faccessat2", "fcntl", "fstat", "fstatfs", "lseek", "lstat", "mkdir", "mkdirat",
    "newfstatat", "open", "openat", "read", "readlink", "readlinkat", "stat", "statfs", "statx", "unlink", "unlinkat",
    "write", "writev",
    // sockets
    "recvmsg", "sendmsg",
};

constexpr const char* kDaemon[] = {
    "bpf",
    // memory
    "membarrier", "mincore", "mlock", "mlock2", "mlockall", "munlock",
    // threads, time, signals, children
    "arch_prctl", "capget", "clock_nanosleep", "getcpu", "getrlimit", "getrusage", "nanosleep", "pidfd_open",
    "pidfd_send_signal", "prctl", "prlimit64", "rseq", "rt_sigpending", "rt_sigtimedwait", "sched_getaffinity",
    "sched_getparam", "sched_getscheduler", "sched_setscheduler", "sched_yield", "set_robust_list", "setitimer",
    "signalfd4", "sysinfo", "uname", "wait4", "waitid",
    // files
    "chmod", "dup", "dup2", "dup3", "fallocate", "fchmod", "fchmodat", "fdatasync", "flock", "fsync", "ftruncate",
    "getcwd", "getdents64", "ioctl", "pipe2", "pread64", "pwrite64", "readv", "rename", "renameat", "renameat2", "umask",
    // waiting
    "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "poll", "ppoll",
    "timerfd_create", "timerfd_settime",
    // sockets
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom",
    "recvmmsg", "sendmmsg", "sendto", "setsockopt", "shutdown",
};

constexpr const char* kNamespaces[] = {"fsconfig", "fsmount", "fsopen", "mount", "setns", "umount2", "unshare"};

constexpr int kSocketFamilies[] = {AF_UNIX, AF_NETLINK, AF_PACKET, AF_INET, AF_INET6};

// What the kernel or the library refuses is told by its number, below 0.
class Filter {
  public:
    Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) {}

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
    // clone3() hides its flags from a filter, so it stays refused, and libraries fall back to clone().
    void allow_threads() {
        keep(::seccomp_rule_add(context_.get(), SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)));
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

Result<void> filter_system_calls(Role role) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    static_cast<void>(role);  // their own run-time makes other calls
    return {};
#else
    Filter filter;
    filter.set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    filter.set(SCMP_FLTATR_CTL_LOG, 1);
    filter.set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree
    filter.allow(kEverywhere);
    for (int family : kSocketFamilies) filter.allow_socket(family);
    if (role == Role::daemon) {
        filter.allow(kDaemon);
        filter.allow_threads();
    } else {
        filter.allow(kNamespaces);
    }
    if (int failure = filter.load(); failure < 0) return system_error("cannot filter system calls", -failure);
    return {};
#endif
}

}  // namespace ipmp
