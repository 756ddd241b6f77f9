// In another network namespace until it is destroyed: /proc/sys/net, new sockets and lists of interfaces are of that
// one.
#pragma once

#include <fcntl.h>
#include <sched.h>

#include <string>
#include <utility>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace ipmp {

class NamespaceVisit {
  public:
    static Result<NamespaceVisit> begin(const std::string& path) {
        UniqueFd home(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        UniqueFd there(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!home || !there) return system_error("cannot open " + path);
        if (setns(there.get(), CLONE_NEWNET) != 0) return system_error("cannot enter " + path);
        return NamespaceVisit(std::move(home));
    }
    NamespaceVisit(NamespaceVisit&&) noexcept = default;
    NamespaceVisit& operator=(NamespaceVisit&&) = delete;
    ~NamespaceVisit() {
        if (home_) IPMP_CHECK(setns(home_.get(), CLONE_NEWNET) == 0);
    }

  private:
    explicit NamespaceVisit(UniqueFd home) : home_(std::move(home)) {}
    UniqueFd home_;
};

}  // namespace ipmp
