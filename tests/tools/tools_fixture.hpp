// Runs the built tools with IPMP_ROOT set to a directory of the test, in which a fake daemon serves the control socket:
// canned status, recorded commands, replies chosen by the test. What the tools print and send is compared whole.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "shell/control_server.hpp"

namespace ipmp {

namespace fs = std::filesystem;
using Requests = std::vector<std::string>;

// Serves from a thread of its own until it is destroyed.
class FakeDaemon {
  public:
    using Respond = std::function<CommandReply(const Command&)>;

    FakeDaemon(const fs::path& run, Status status, Respond respond)
        : status_(std::move(status)), respond_(std::move(respond)) {
        fs::create_directories(run);
        UniqueFd directory(open(run.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        auto listening = ControlServer::listen(directory.get());
        EXPECT_TRUE(listening) << listening.error().text;
        server_ = std::move(*listening);
        stop_.reset(eventfd(0, EFD_CLOEXEC));
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeDaemon() {
        eventfd_write(stop_.get(), 1);
        thread_.join();
    }

    // "SetGroup {"interface":…}" of every command that came.
    Requests requests() {
        std::lock_guard lock(mutex_);
        return requests_;
    }

  private:
    void serve() {
        pollfd wait[2] = {{server_->event_fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
        ControlServer::Answers answers{[this] { return status_; }, [] { return Counters{}; }};
        while (poll(wait, 2, -1) > 0 && !wait[1].revents) {
            for (const CommandReceived& received : server_->dispatch(answers)) {
                std::string text = encode_request(received.command);
                auto json = nlohmann::json::parse(text.substr(0, text.size() - 1));
                std::string method = json["method"];
                {
                    std::lock_guard lock(mutex_);
                    requests_.push_back(method.substr(method.rfind('.') + 1) + " " + json["parameters"].dump());
                }
                server_->reply({received.request, respond_(received.command)});
            }
            if (server_->wants_status(false)) server_->tell(status_);
        }
    }

    Status status_;
    Respond respond_;
    std::unique_ptr<ControlServer> server_;
    UniqueFd stop_;
    std::mutex mutex_;
    Requests requests_;
    std::thread thread_;
};

struct Ran {
    int exit_code = -1;
    std::string out, err;
};

inline std::string read_all(int fd) {
    std::string text;
    char bytes[4096];
    lseek(fd, 0, SEEK_SET);
    for (ssize_t count; (count = read(fd, bytes, sizeof bytes)) > 0;)
        text.append(bytes, static_cast<std::size_t>(count));
    return text;
}

class ToolsTest : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/tools_test.XXXXXX";
        ASSERT_TRUE(mkdtemp(name));
        // A root as long as users may have: longer than a socket's path may be.
        root_ = fs::path(name) / std::string(150, 'r');
        fs::create_directories(root_);
        top_ = name;
    }
    void TearDown() override {
        daemon_.reset();
        fs::remove_all(top_);
    }

    void serve(Status status = {}) {
        daemon_ = std::make_unique<FakeDaemon>(root_ / "run/ipmp", std::move(status),
                                               [this](const Command& command) { return respond_(command); });
    }

    Ran run(std::vector<std::string> words, const std::string& directory = TOOLS_DIRECTORY) {
        UniqueFd out(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        UniqueFd err(open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        words[0] = directory + "/" + words[0];
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        UniqueFd program(open(arguments[0], O_PATH | O_CLOEXEC));  // another user may not reach it by its name
        pid_t child = fork();
        if (child == 0) {
            dup2(out.get(), 1);
            dup2(err.get(), 2);
            setenv("IPMP_ROOT", root_.c_str(), 1);
            bool ready = !user_ || (setresgid(*user_, *user_, *user_) == 0 && setresuid(*user_, *user_, *user_) == 0);
            if (ready) fexecve(program.get(), arguments.data(), environ);
            _exit(127);
        }
        int status = 0;
        waitpid(child, &status, 0);
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_all(out.get()), read_all(err.get())};
    }

    // The tool fails with exactly this text on stderr.
    void expect_failure(const std::vector<std::string>& words, const std::string& text) {
        Ran ran = run(words);
        EXPECT_EQ(ran.exit_code, 1) << text;
        EXPECT_EQ(ran.err, text + "\n");
        EXPECT_EQ(ran.out, "");
    }

    void refuse(CommandError error, std::string text = "") {
        respond_ = [=](const Command&) { return CommandReply{error, text, ""}; };
    }

    fs::path top_, root_;
    std::optional<uid_t> user_;  // who runs the tools, if not we
    std::function<CommandReply(const Command&)> respond_ = [](const Command&) { return CommandReply{}; };
    std::unique_ptr<FakeDaemon> daemon_;
};

// Tools in a directory of their own, beside a script that plays in.mpathd.
class StartingTest : public ToolsTest {
  protected:
    void install(const std::string& script) {
        tools_ = top_ / "bin";
        fs::create_directories(tools_);
        for (const char* tool : {"if_mpadm", "ifconfig", "ipmpstat"}) {
            fs::copy(fs::path(TOOLS_DIRECTORY) / tool, tools_ / tool);
        }
        std::ofstream(tools_ / "in.mpathd") << "#!/bin/sh\n" << script << "\n";
        fs::permissions(tools_ / "in.mpathd", fs::perms::owner_all);
    }
    fs::path tools_;
};

}  // namespace ipmp
