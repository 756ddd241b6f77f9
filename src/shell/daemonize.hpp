// Becoming a daemon whose parent exits 0 once clients can connect, or 1 with the reason (design §2).
#pragma once

#include <string>

#include "base/unique_fd.hpp"

namespace ipmp {

class Readiness {
  public:
    // Foreground: the process stays what it is.
    Readiness() = default;
    // Forks; returns in the child only. Must be called before any thread exists.
    static Readiness daemonize();

    void ready();                         // lets the parent exit 0; tells systemd, if it asked
    void failed(const std::string& why);  // lets the parent print `why` and exit 1

  private:
    UniqueFd to_parent_;
};

}  // namespace ipmp
