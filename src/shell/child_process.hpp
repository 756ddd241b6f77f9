// A child of the daemon, started by the program helper and awaited by the main loop: what it prints and that it has
// ended make one epoll descriptor readable, and nothing here waits. Who drops the object leaves the child alone.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "shell/program_helper.hpp"

namespace ipmp {

class ChildProcess {
  public:
    using Group = ProgramHelper::Group;

    static constexpr std::size_t kMaxInputBytes = 4096;  // every pipe holds as much

    // `words`: its arguments, from its name on. `epoll` must outlive the object. `input`: what it reads from stdin.
    // `namespace_fd`: the network namespace it runs in; -1: ours.
    static Result<ChildProcess> start(ProgramHelper& helper, ProgramHelper::Program program,
                                      const std::vector<std::string>& words, Group group, int epoll,
                                      const std::string& input = "", int namespace_fd = -1);

    ~ChildProcess();
    ChildProcess(ChildProcess&& other) noexcept = default;
    ChildProcess& operator=(ChildProcess&& other) noexcept;

    // Hands what it has printed to `take`, all that a pipe holds at most; its wait status if it has ended; it
    // is reaped then, and not to be followed further.
    std::optional<int> follow(const std::function<void(std::string_view)>& take);
    // False: no, and errno says why; that it has ended is fine.
    bool signal(int number) const;

  private:
    ChildProcess(int epoll, UniqueFd output) : epoll_(epoll), output_(std::move(output)) {}
    void watch(const UniqueFd& fd, const std::string& program) const;
    void read_output(const std::function<void(std::string_view)>& take);

    int epoll_ = -1;
    pid_t pid_ = 0;
    UniqueFd output_;
    UniqueFd process_;  // a pidfd
};

}  // namespace ipmp
