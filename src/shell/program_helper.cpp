#include "shell/program_helper.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/program_path.hpp"

extern char** environ;

namespace ipmp {

namespace {

constexpr const char* kInstalledIpmp = "/usr/sbin/ipmp";
constexpr int kCannotRun = 127;

// A name, a number, an address: no option, no file.
bool is_harmless(const std::string& word) {
    return !word.empty() && word.front() != '-' && word.front() != '/' && word.find("..") == std::string::npos &&
           std::ranges::none_of(word, [](char c) { return (c >= '\0' && c <= ' ') || c == '\x7f'; });
}

std::vector<std::string> words_of(const HelperRequest& request) {
    std::vector<std::string> words;
    std::string word;
    for (std::size_t i = 0; i < request.text_bytes; ++i) {
        if (request.text[i] != '\0') {
            word += request.text[i];
            continue;
        }
        words.push_back(std::move(word));
        word.clear();
    }
    return words;
}

bool are_words_of(ProgramHelper::Program program, const std::vector<std::string>& words) {
    if (!std::ranges::all_of(words, [](const std::string& word) { return is_harmless(word); })) return false;
    if (program == ProgramHelper::Program::attach)
        return words.size() == 3 && words[0] == "ipmp" && words[1] == "attach" &&
               words[2].find('/') == std::string::npos;
    return !words.empty() && words[0] == "ipmp-dhcp-client";
}

struct Start {
    std::string path;
    std::vector<std::string> words;
    ProgramHelper::Group group;
    int output;
    int namespace_fd;
};

// In the new process.
[[noreturn]] void become(const Start& start, const std::vector<char*>& arguments) {
    sigset_t none;
    ::sigemptyset(&none);
    int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ready = (start.namespace_fd < 0 || ::setns(start.namespace_fd, CLONE_NEWNET) == 0) &&
                 (start.group == ProgramHelper::Group::ours || ::setpgid(0, 0) == 0) &&
                 ::dup2(null, STDIN_FILENO) >= 0 && ::dup2(start.output, STDOUT_FILENO) >= 0 &&
                 ::dup2(start.output, STDERR_FILENO) >= 0 && ::signal(SIGPIPE, SIG_DFL) != SIG_ERR &&
                 ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
    if (ready) ::execve(start.path.c_str(), arguments.data(), environ);
    ::dprintf(start.output, "cannot run %s: %s\n", start.path.c_str(), std::strerror(errno));
    ::_exit(kCannotRun);
}

Result<HelperProcess::Outcome> carry_out(Start start) {
    if (::access(start.path.c_str(), X_OK) != 0) return system_error("cannot start " + start.path);
    std::vector<char*> arguments;
    for (std::string& word : start.words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    // As fork() but for the parent; what fork() does besides matters where there are threads.
    auto child = static_cast<pid_t>(::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (child < 0) return system_error("cannot start " + start.path);
    if (child == 0) become(start, arguments);
    return HelperProcess::Outcome{.number = child, .fd = {}};
}

Result<HelperProcess::Outcome> serve(const ProgramHelper::Paths& paths, const HelperRequest& request,
                                     const HelperProcess::Descriptors& fds) {
    bool is_attach = request.kind == static_cast<std::uint8_t>(ProgramHelper::Program::attach);
    auto program = is_attach ? ProgramHelper::Program::attach : ProgramHelper::Program::dhcp_client;
    bool is_own = request.option == static_cast<std::uint8_t>(ProgramHelper::Group::own);
    auto words = words_of(request);
    if (fds.empty() || !are_words_of(program, words)) return Error{"not a program to be started", EINVAL};
    return carry_out({.path = is_attach ? paths.attach : paths.dhcp_client,
                      .words = std::move(words),
                      .group = is_own ? ProgramHelper::Group::own : ProgramHelper::Group::ours,
                      .output = fds[0].get(),
                      .namespace_fd = fds.size() > 1 ? fds[1].get() : -1});
}

}  // namespace

ProgramHelper::Paths ProgramHelper::Paths::installed() {
    std::string ipmp = beside_program("ipmp");
    return {.attach = ::access(ipmp.c_str(), X_OK) == 0 ? ipmp : kInstalledIpmp,
            .dhcp_client = beside_program("ipmp-dhcp-client")};
}

Result<ProgramHelper> ProgramHelper::start(const Paths& paths) {
    auto process = HelperProcess::start(
        "mpathd-programs", [] {},
        [paths](const HelperRequest& request, const auto& fds) { return serve(paths, request, fds); });
    if (!process) return process.error();
    return ProgramHelper(*std::move(process));
}

Result<pid_t> ProgramHelper::run(Program program, const std::vector<std::string>& words, Group group, int output,
                                 int namespace_fd) {
    HelperRequest request;
    request.kind = static_cast<std::uint8_t>(program);
    request.option = static_cast<std::uint8_t>(group);
    std::string text;
    for (const std::string& word : words) text += word + '\0';
    if (text.size() > request.text.size()) return Error{"too many words for " + words.front(), E2BIG};
    text.copy(request.text.data(), text.size());
    request.text_bytes = static_cast<std::uint16_t>(text.size());
    auto outcome = namespace_fd < 0 ? process_.ask(request, {output}) : process_.ask(request, {output, namespace_fd});
    if (!outcome) return outcome.error();
    return outcome->number;
}

}  // namespace ipmp
