// Hands name servers of DHCP leases to the host's resolvconf, as dhcpcd's own hook does: `resolvconf -a ipmp0.dhcp`
// with the lines of a resolv.conf, `resolvconf -d ipmp0.dhcp` once they hold no longer. A host without that program
// keeps the resolver it has, and is told so once.
//
// One child runs at a time; for those waiting the last word on each source counts. Nothing here waits. A daemon that
// ends leaves its child alone.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/action.hpp"
#include "shell/child_process.hpp"

namespace ipmp {

class NameServiceTable {
  public:
    // `program`: resolvconf, whether it is there or not; `helper` starts it, and must outlive it.
    static Result<NameServiceTable> create(std::string program, ProgramHelper& helper);

    void set(const SetNameService& action);
    // Readable when progress() has something to do.
    int event_fd() const { return epoll_.get(); }
    void progress();
    bool idle() const { return !child_ && waiting_.empty(); }

  private:
    NameServiceTable(std::string program, ProgramHelper& helper) : program_(std::move(program)), helper_(&helper) {}
    void start_next();

    std::string program_;
    ProgramHelper* helper_;
    bool told_missing_ = false;
    std::map<std::string, NameService> waiting_;
    UniqueFd epoll_;
    std::optional<ChildProcess> child_;
    std::string source_;  // whom it is about
    std::string text_;    // what it has printed
};

}  // namespace ipmp
