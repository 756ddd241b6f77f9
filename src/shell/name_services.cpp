#include "shell/name_services.hpp"

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shell/log.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kMaxTextBytes = 256;

std::string resolver_lines(const NameService& names) {
    std::string text;
    for (const std::string& domain : names.domains) text += (text.empty() ? "search " : " ") + domain;
    if (!text.empty()) text += "\n";
    for (const IpAddress& server : names.servers) text += "nameserver " + to_string(server) + "\n";
    return text;
}

}  // namespace

Result<NameServiceTable> NameServiceTable::create(std::string program, ProgramHelper& helper) {
    NameServiceTable table(std::move(program), helper);
    table.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!table.epoll_) return system_error("cannot create an epoll descriptor");
    return table;
}

void NameServiceTable::set(const SetNameService& action) {
    if (::access(program_.c_str(), X_OK) != 0) {
        bool is_loss = !action.names.empty() && !told_missing_;
        if (is_loss) log_info("ignoring name servers of DHCP leases: " + program_ + " is not there");
        told_missing_ = told_missing_ || is_loss;
        return;
    }
    if (resolver_lines(action.names).size() > ChildProcess::kMaxInputBytes) {
        log_error("ignoring name servers of " + action.source + ": too many");
        return;
    }
    waiting_[action.source] = action.names;
    if (!child_) start_next();
}

void NameServiceTable::start_next() {
    while (!child_ && !waiting_.empty()) {
        auto next = waiting_.extract(waiting_.begin());
        source_ = next.key();
        const char* verb = next.mapped().empty() ? "-d" : "-a";
        auto child = ChildProcess::start(*helper_, ProgramHelper::Program::resolvconf, {"resolvconf", verb, source_},
                                         ChildProcess::Group::ours, epoll_.get(), resolver_lines(next.mapped()));
        if (child) child_ = std::move(*child);
        else log_error(child.error().text + ", ignoring name servers of " + source_);
    }
}

void NameServiceTable::progress() {
    if (!child_) return;
    auto status = child_->follow(
        [&](std::string_view text) { text_.append(text.substr(0, kMaxTextBytes - text_.size())); });
    if (!status) return;
    bool succeeded = WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
    std::string said = text_.substr(0, text_.find('\n'));
    if (!succeeded) log_error("resolvconf failed, ignoring name servers of " + source_ + ": " + said);
    text_.clear();
    child_.reset();
    start_next();
}

}  // namespace ipmp
