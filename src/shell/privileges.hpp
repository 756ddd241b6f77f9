// What this process may do (docs/adr/0007-privileges.md).
//
// The daemon starts as root with all of root's capabilities. It forks its helpers, raises limits, opens what only then
// can be opened, and keeps four capabilities for good: it cannot get others back, nor could a program that it ran. A
// process that had fewer from the start, in a container say, keeps what it has and says what is missing.
#pragma once

#include <string>
#include <vector>

namespace ipmp {

enum class Role {
    daemon,      // CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON
    namespaces,  // the namespace helper: CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_RAW
};

// Real-time priority for this thread, as a late daemon is a late failover; its children and other threads do not have
// it. Set once, by CAP_SYS_NICE or by a limit (RLIMIT_RTPRIO) that the process was given. False: not permitted.
bool raise_priority();

// A failover must not wait for a page to come back from a disk either: all memory there is stays, and so does what
// comes, from its first use on, so that stacks of threads cost no more than they use. Lifts the limit on locked memory,
// so that it needs no capability later; who may not lift it (no CAP_SYS_RESOURCE) has to keep CAP_IPC_LOCK.
enum class MemoryLock { none, without_limit, by_capability };
MemoryLock lock_memory();

// Gives up all capabilities but what `role`, and locked memory, need. Before the first thread: they are each thread's
// own. The names of those that are missing.
std::vector<std::string> confine(Role role, MemoryLock lock = MemoryLock::none);

}  // namespace ipmp
