// Which system calls this process may still make (seccomp): those that it was seen to make and their like, by role. No
// program can be run, no process made, nothing mounted by the daemon.
//
// Any other call fails as if this kernel did not have it (ENOSYS), and the kernel's audit log names it. It does not end
// the process: a C library of tomorrow that tries a new call falls back to an old one, and a daemon that hosts rely on
// must not die of what nobody foresaw. The filter is there for who took the process over, and him it stops either way.
#pragma once

#include "shell/privileges.hpp"

namespace ipmp {

// For all threads of this process. It can make no others then, and no process.
void filter_system_calls(Role role);

}  // namespace ipmp
