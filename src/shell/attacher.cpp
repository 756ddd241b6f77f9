#include "shell/attacher.hpp"

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "shell/log.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kMaxTextBytes = 1 << 16;

}  // namespace

Result<Attacher> Attacher::create(Paths paths, ProgramHelper& helper) {
    Attacher attacher(std::move(paths), helper);
    attacher.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!attacher.epoll_) return system_error("cannot create an epoll descriptor");
    return attacher;
}

void Attacher::attach(const std::string& nic) {
    bool has_file = false;
    for (const std::string& path : paths_.boot_files(nic)) has_file = has_file || ::access(path.c_str(), F_OK) == 0;
    bool waits = std::find(waiting_.begin(), waiting_.end(), nic) != waiting_.end();
    if (!has_file || waits) return;
    if (waiting_.size() == kMaxWaiting) {
        log_error("too many new interfaces at once: " + nic + " needs `ipmp attach " + nic + "`");
        return;
    }
    waiting_.push_back(nic);
    if (!child_) start_next();
}

void Attacher::start_next() {
    while (!child_ && !waiting_.empty()) {
        name_ = waiting_.front();
        waiting_.pop_front();
        Result<void> started = start(name_);
        if (!started) log_error(started.error().text + "; " + name_ + " needs `ipmp attach " + name_ + "`");
    }
}

Result<void> Attacher::start(const std::string& nic) {
    auto child = ChildProcess::start(*helper_, ProgramHelper::Program::attach, {"ipmp", "attach", nic},
                                     ChildProcess::Group::ours, epoll_.get());
    if (!child) return child.error();
    log_info(nic + " has appeared: configuring it from its files");
    child_ = std::move(*child);
    return {};
}

void Attacher::log_text(bool succeeded) {
    while (!text_.empty()) {
        std::size_t end = std::min(text_.find('\n'), text_.size());
        if (succeeded) log_info(text_.substr(0, end));
        else log_error(text_.substr(0, end));
        text_.erase(0, end + 1);
    }
}

void Attacher::progress() {
    if (!child_) return;
    auto status = child_->follow(
        [&](std::string_view text) { text_.append(text.substr(0, kMaxTextBytes - text_.size())); });
    if (!status) return;
    log_text(WIFEXITED(*status) && WEXITSTATUS(*status) == 0);
    if (WIFSIGNALED(*status)) log_error(name_ + ": its configuration was ended by a signal");
    child_.reset();
    start_next();
}

}  // namespace ipmp
