// The helper process that enters network namespaces, makes and pins them (R-VIS-1), and does nothing else: all of what
// the daemon needs CAP_SYS_ADMIN for once it runs. It has that, CAP_NET_ADMIN and CAP_NET_RAW, which its sockets hand
// on, and few system calls; it runs no programs.
//
// The path of the pin is fixed when it starts. A namespace is named by a descriptor, so it opens no path it is told.
#pragma once

#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "shell/helper_process.hpp"
#include "shell/namespace_openings.hpp"

namespace ipmp {

class NamespaceHelper {
  public:
    static Result<NamespaceHelper> start(const std::string& pin);

    Result<UniqueFd> open(int namespace_fd, Opening what);
    // A new one, pinned.
    Result<UniqueFd> make();
    Result<void> pin(int namespace_fd);
    Result<void> unpin();

  private:
    explicit NamespaceHelper(HelperProcess process) : process_(std::move(process)) {}
    HelperProcess process_;
};

}  // namespace ipmp
