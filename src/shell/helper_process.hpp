// A process that the daemon forks before it drops its privileges, and that does the few things which need them.
//
// Both talk over a socket pair: one request of a fixed size, with descriptors, one answer of a fixed size. A helper is
// single-threaded, does one thing at a time, decides nothing, and checks what it is asked, so that who took over the
// daemon gets no more out of it than those few things. It ends with the daemon, however that ends, and takes no
// signals, which are for the daemon.
//
// The daemon's end may be used by all threads. A helper that is gone, or does not answer, is never waited for again:
// whatever needs it fails from then on, and everything else goes on.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace ipmp {

struct HelperRequest {
    static constexpr std::size_t kTextBytes = 1020;
    std::uint8_t kind = 0;    // what these mean is between the two ends
    std::uint8_t option = 0;
    std::uint16_t text_bytes = 0;
    std::array<char, kTextBytes> text{};
};

struct HelperAnswer {
    std::int32_t error_number = 0;  // 0: well
    std::int32_t number = 0;
    std::array<char, 248> text{};   // of the error; ends with a NUL
};

class HelperProcess {
  public:
    static constexpr std::size_t kMostDescriptors = 3;

    struct Outcome {
        int number = 0;
        UniqueFd fd;
    };
    using Descriptors = std::vector<UniqueFd>;
    using Serve = std::function<Result<Outcome>(const HelperRequest& request, const Descriptors& descriptors)>;

    // Forks: no thread may exist yet. In the helper, `prepare` is run once and then `serve` for each request.
    static Result<HelperProcess> start(const char* name, const std::function<void()>& prepare, const Serve& serve);
    HelperProcess(HelperProcess&& other) noexcept;
    HelperProcess& operator=(HelperProcess&&) = delete;

    // `fds` stay the caller's.
    Result<Outcome> ask(const HelperRequest& request, std::initializer_list<int> fds);

  private:
    HelperProcess(std::string name, UniqueFd socket) : name_(std::move(name)), socket_(std::move(socket)) {}
    Error give_up(const std::string& what);

    std::string name_;
    std::mutex mutex_;
    UniqueFd socket_;  // its end is the helper's; none: given up
};

}  // namespace ipmp
