#include "shell/namespace_helper.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>

#include "base/check.hpp"
#include "shell/privileges.hpp"
#include "shell/system_call_filter.hpp"

namespace ipmp {

namespace {

enum class Kind : std::uint8_t { open, make, pin, unpin };

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

// The helper's side.
class Spaces {
  public:
    explicit Spaces(std::string pin) : pin_(std::move(pin)) {}

    void prepare() {
        home_.reset(::open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
        raise_priority();  // the deciding thread may wait for an answer
        confine(Role::namespaces);
        filter_system_calls(Role::namespaces);
    }

    Result<HelperProcess::Outcome> serve(const HelperRequest& request, const HelperProcess::Descriptors& fds) {
        switch (static_cast<Kind>(request.kind)) {
            case Kind::open:
                if (fds.empty() || request.option >= kOpenings) break;
                return open(fds.front().get(), static_cast<Opening>(request.option));
            case Kind::make: return make();
            case Kind::pin:
                if (fds.empty()) break;
                return outcome_of(pin("/proc/thread-self/fd/" + std::to_string(fds.front().get())));
            case Kind::unpin: return outcome_of(unpin());
        }
        return Error{"not a request", EINVAL};
    }

  private:
    static Result<HelperProcess::Outcome> outcome_of(const Result<void>& result) {
        if (!result) return result.error();
        return HelperProcess::Outcome{};
    }

    // To go on in the wrong one would be worse than to end.
    void go_home() const { IPMP_CHECK(::setns(home_.get(), CLONE_NEWNET) == 0); }

    Result<HelperProcess::Outcome> open(int namespace_fd, Opening what) const {
        if (::setns(namespace_fd, CLONE_NEWNET) < 0) return system_error("entering a network namespace");
        auto opened = open_here(what);
        go_home();
        if (!opened) return opened.error();
        return HelperProcess::Outcome{.number = 0, .fd = *std::move(opened)};
    }

    // A new one can only be made by moving into it.
    Result<HelperProcess::Outcome> make() const {
        if (::unshare(CLONE_NEWNET) < 0) return system_error("making a network namespace");
        HelperProcess::Outcome outcome;
        outcome.fd.reset(::open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
        Result<void> pinned = outcome.fd ? pin(kOwnNamespace) : system_error("opening a network namespace");
        go_home();
        if (!pinned) return pinned.error();
        return outcome;
    }

    // `source`: a link of /proc to the namespace.
    Result<void> pin(const std::string& source) const {
        std::error_code ignored;  // what is missing then is told by the next step
        std::filesystem::create_directories(std::filesystem::path(pin_).parent_path(), ignored);
        UniqueFd file(::open(pin_.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444));
        if (!file) return system_error("making " + pin_);
        if (::mount(source.c_str(), pin_.c_str(), nullptr, MS_BIND, nullptr) < 0)
            return system_error("mounting " + pin_);
        return {};
    }

    Result<void> unpin() const {
        if (::umount2(pin_.c_str(), MNT_DETACH) < 0 || ::unlink(pin_.c_str()) < 0)
            return system_error("removing " + pin_);
        return {};
    }

    std::string pin_;
    UniqueFd home_;
};

HelperRequest request_of(Kind kind, std::uint8_t option = 0) {
    HelperRequest request;
    request.kind = static_cast<std::uint8_t>(kind);
    request.option = option;
    return request;
}

}  // namespace

Result<NamespaceHelper> NamespaceHelper::start(const std::string& pin) {
    auto spaces = std::make_shared<Spaces>(pin);
    auto process = HelperProcess::start(
        "mpathd-netns", [spaces] { spaces->prepare(); },
        [spaces](const HelperRequest& request, const auto& fds) { return spaces->serve(request, fds); });
    if (!process) return process.error();
    return NamespaceHelper(*std::move(process));
}

Result<UniqueFd> NamespaceHelper::open(int namespace_fd, Opening what) {
    auto outcome = process_.ask(request_of(Kind::open, static_cast<std::uint8_t>(what)), {namespace_fd});
    if (!outcome) return outcome.error();
    if (!outcome->fd) return Error{"nothing came from the helper", EPROTO};
    return std::move(outcome->fd);
}

Result<UniqueFd> NamespaceHelper::make() {
    auto outcome = process_.ask(request_of(Kind::make), {});
    if (!outcome) return outcome.error();
    if (!outcome->fd) return Error{"nothing came from the helper", EPROTO};
    return std::move(outcome->fd);
}

Result<void> NamespaceHelper::pin(int namespace_fd) {
    auto outcome = process_.ask(request_of(Kind::pin), {namespace_fd});
    return outcome ? Result<void>() : outcome.error();
}

Result<void> NamespaceHelper::unpin() {
    auto outcome = process_.ask(request_of(Kind::unpin), {});
    return outcome ? Result<void>() : outcome.error();
}

}  // namespace ipmp
