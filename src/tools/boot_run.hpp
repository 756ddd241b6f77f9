// One run of `ipmp boot` or `ipmp attach`: carries out what boot_plan.hpp plans, by lines of ifconfig, and tells what
// came of it in the words of the original. It knows neither files nor sockets: they are the BootHost's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/boot_plan.hpp"
#include "tools/daemon.hpp"

namespace ipmp {

struct BootHost {
    Daemon& daemon;
    std::string etc;  // where files are, for messages
    std::function<std::set<std::string>()> links;                 // of the kernel
    std::function<BootFiles(const std::string& only)> read;       // empty: of all interfaces
    std::function<std::optional<IpAddress>(const std::string&, Family)> resolve;
    std::function<void(const std::string&)> say;             // one line of progress
    std::function<void(const std::string&)> report;          // one line about a failure
};

// For messages: text of others, without control characters.
std::string in_one_line(std::string text);

class BootRun {
  public:
    explicit BootRun(BootHost host) : host_(std::move(host)) {}

    // All that files say. A failure stops nothing that follows.
    void boot();
    // Gives `nic` back what it had, or what its files say.
    void attach(const std::string& nic);
    // Until all addresses set up may be used.
    void await_addresses();

    void fail(const std::string& text);
    bool failed() const { return failed_; }

  private:
    void complain(const std::string& text) { host_.report("ipmp: " + text); }
    BootInput read(const std::string& only);
    Status status();
    bool carry_out(const BootStep& step);
    std::vector<std::string> carry_out(const BootStage& stage);
    std::vector<std::string> carry_out_and_tell(const BootStage& stage);
    void expect(const BootInput& input, const Missing& missing);

    BootHost host_;
    bool failed_ = false;
};

}  // namespace ipmp
