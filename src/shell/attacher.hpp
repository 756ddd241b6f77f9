// Has NICs that appear configured from their files (R-DYN-3), by `ipmp attach NIC` as a child process: the files may
// be long and their words wait for answers, and the thread that decides reads and awaits nothing.
//
// One child runs at a time; others wait in order, each name once. What a child prints goes to the log. A daemon that
// ends leaves its child alone: it finds nobody to talk to and ends.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/paths.hpp"
#include "shell/child_process.hpp"

namespace ipmp {

class Attacher {
  public:
    static constexpr std::size_t kMaxWaiting = 128;

    // `helper` must outlive it.
    static Result<Attacher> create(Paths paths, ProgramHelper& helper);

    // Nothing happens if there is no file for `nic`.
    void attach(const std::string& nic);
    // Readable when progress() has something to do.
    int event_fd() const { return epoll_.get(); }
    // Takes what the child has printed; starts the next when it has ended.
    void progress();
    bool idle() const { return !child_ && waiting_.empty(); }

  private:
    Attacher(Paths paths, ProgramHelper& helper) : paths_(std::move(paths)), helper_(&helper) {}
    void start_next();
    Result<void> start(const std::string& nic);
    void log_text(bool succeeded);

    Paths paths_;
    ProgramHelper* helper_;
    std::deque<std::string> waiting_;
    UniqueFd epoll_;
    std::optional<ChildProcess> child_;
    std::string name_;  // whom it attaches
    std::string text_;  // what it has printed; logged when it has ended
};

}  // namespace ipmp
