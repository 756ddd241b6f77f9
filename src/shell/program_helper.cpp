#include "shell/program_helper.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iterator>
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
    auto are_harmless = [](const auto& some) {
        return std::ranges::all_of(some, [](const std::string& word) { return is_harmless(word); });
    };
    auto is_name = [](const std::string& word) { return is_harmless(word) && word.find('/') == std::string::npos; };
    switch (program) {
        case ProgramHelper::Program::attach:
            return words.size() == 3 && words[0] == "ipmp" && words[1] == "attach" && is_name(words[2]);
        case ProgramHelper::Program::dhcp_client:
            return !words.empty() && words[0] == "ipmp-dhcp-client" && are_harmless(words);
        case ProgramHelper::Program::resolvconf:
            return words.size() == 3 && words[0] == "resolvconf" && (words[1] == "-a" || words[1] == "-d") &&
                   is_name(words[2]);
    }
    return false;
}

struct Start {
    std::string path;
    std::vector<std::string> words;
    ProgramHelper::Group group;
    ProgramHelper::Descriptors descriptors;
};

// In the new process.
[[noreturn]] void become(const Start& start, const std::vector<char*>& arguments) {
    sigset_t none;
    ::sigemptyset(&none);
    const auto& [input, output, elsewhere] = start.descriptors;
    bool ready = (elsewhere < 0 || ::setns(elsewhere, CLONE_NEWNET) == 0) &&
                 (start.group == ProgramHelper::Group::ours || ::setpgid(0, 0) == 0) &&
                 ::dup2(input, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
                 ::dup2(output, STDERR_FILENO) >= 0 && ::signal(SIGPIPE, SIG_DFL) != SIG_ERR &&
                 ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
    if (ready) ::execve(start.path.c_str(), arguments.data(), environ);
    ::dprintf(output, "cannot run %s: %s\n", start.path.c_str(), std::strerror(errno));
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
    const std::string* programs[] = {&paths.attach, &paths.dhcp_client, &paths.resolvconf};  // as Program has them
    auto words = words_of(request);
    bool is_one = request.kind < std::size(programs) && fds.size() >= 2 &&
                  are_words_of(static_cast<ProgramHelper::Program>(request.kind), words);
    if (!is_one) return Error{"not a program to be started", EINVAL};
    bool is_own = request.option == static_cast<std::uint8_t>(ProgramHelper::Group::own);
    return carry_out({.path = *programs[request.kind],
                      .words = std::move(words),
                      .group = is_own ? ProgramHelper::Group::own : ProgramHelper::Group::ours,
                      .descriptors = {fds[0].get(), fds[1].get(), fds.size() > 2 ? fds[2].get() : -1}});
}

}  // namespace

ProgramHelper::Paths ProgramHelper::Paths::installed(std::string resolvconf) {
    std::string ipmp = beside_program("ipmp");
    return {.attach = ::access(ipmp.c_str(), X_OK) == 0 ? ipmp : kInstalledIpmp,
            .dhcp_client = beside_program("ipmp-dhcp-client"),
            .resolvconf = std::move(resolvconf)};
}

Result<ProgramHelper> ProgramHelper::start(const Paths& paths) {
    auto process = HelperProcess::start(
        "mpathd-programs", [] {},
        [paths](const HelperRequest& request, const auto& fds) { return serve(paths, request, fds); });
    if (!process) return process.error();
    return ProgramHelper(*std::move(process));
}

Result<pid_t> ProgramHelper::run(Program program, const std::vector<std::string>& words, Group group,
                                 Descriptors descriptors) {
    HelperRequest request;
    request.kind = static_cast<std::uint8_t>(program);
    request.option = static_cast<std::uint8_t>(group);
    std::string text;
    for (const std::string& word : words) text += word + '\0';
    if (text.size() > request.text.size()) return Error{"too many words for " + words.front(), E2BIG};
    text.copy(request.text.data(), text.size());
    request.text_bytes = static_cast<std::uint16_t>(text.size());
    const auto& [input, output, elsewhere] = descriptors;
    auto outcome = elsewhere < 0 ? process_.ask(request, {input, output})
                                 : process_.ask(request, {input, output, elsewhere});
    if (!outcome) return outcome.error();
    return outcome->number;
}

}  // namespace ipmp
