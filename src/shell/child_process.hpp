// A child of the daemon, awaited by the main loop: what it prints and that it has ended make one epoll descriptor
// readable, and nothing here waits. It has the signals that a program expects to have, and not our real-time priority
// (SCHED_RESET_ON_FORK). Who drops the object leaves the child alone.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace ipmp {

class ChildProcess {
  public:
    enum class Group { ours, own };  // of processes: whether our terminal's signals reach it

    static constexpr std::size_t kMaxInputBytes = 4096;  // every pipe holds as much

    // `words`: its arguments, from its name on. `epoll` must outlive the object. `input`: what it reads from stdin.
    static Result<ChildProcess> start(const std::string& program, std::vector<std::string> words, Group group,
                                      int epoll, const std::string& input = "");

    ~ChildProcess();
    ChildProcess(ChildProcess&& other) noexcept = default;
    ChildProcess& operator=(ChildProcess&& other) noexcept;

    // Hands what it has printed to `take`, all that a pipe holds at most.
    void read_output(const std::function<void(std::string_view)>& take);
    // Its wait status, once it has ended.
    std::optional<int> ended();
    // False: no, and errno says why; that it has ended is fine.
    bool signal(int number) const;

  private:
    ChildProcess(int epoll, UniqueFd output) : epoll_(epoll), output_(std::move(output)) {}
    void watch(const UniqueFd& fd, const std::string& program) const;

    int epoll_ = -1;
    pid_t pid_ = 0;
    UniqueFd output_;
    UniqueFd process_;  // a pidfd
    std::optional<int> status_;
};

}  // namespace ipmp
