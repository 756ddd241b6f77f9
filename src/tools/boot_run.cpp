#include "tools/boot_run.hpp"

#include <algorithm>

#include "tools/boot_files.hpp"
#include "tools/ifconfig_run.hpp"
#include "wire/names.hpp"

namespace ipmp {

std::string in_one_line(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    return printable(std::move(text));
}

void BootRun::fail(const std::string& text) {
    complain(text);
    failed_ = true;
}

BootInput BootRun::read(const std::string& only) { return {host_.read(only), host_.links(), host_.resolve}; }

// What cannot be learnt makes everything look as if it were not there yet.
Status BootRun::status() {
    auto status = host_.daemon.status();
    if (status) return std::move(*status);
    fail("cannot get the status: " + status.error().text);
    return {};
}

bool BootRun::carry_out(const BootStep& step) {
    Words words{step.interface, step.family == Family::ipv4 ? "inet" : "inet6"};
    words.insert(words.end(), step.words.begin(), step.words.end());
    ToolRun outcome = run_ifconfig(std::move(words), Addresses::unawaited, &host_.daemon);
    if (outcome.exit_code == 0) return true;
    std::string file = hostname_prefix(step.family) + (step.of.empty() ? step.interface : step.of);
    complain(host_.etc + "/" + file + ": " + in_one_line(outcome.err));
    return false;
}

// Interfaces that failed, once each and in order.
std::vector<std::string> BootRun::carry_out(const BootStage& stage) {
    std::vector<std::string> interfaces, failed = stage.failed;
    auto note = [](std::vector<std::string>& list, const std::string& name) {
        if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
    };
    for (const BootStep& step : stage.steps) note(interfaces, step.interface);
    if (stage.is_progress && !interfaces.empty()) {
        std::string line = stage.progress + ":";
        for (const std::string& name : interfaces) line += " " + name;
        host_.say(line + ".");
    }
    for (const BootStep& step : stage.steps) {
        if (!carry_out(step)) note(failed, step.interface);
    }
    return failed;
}

std::vector<std::string> BootRun::carry_out_and_tell(const BootStage& stage) {
    std::vector<std::string> failed = carry_out(stage);
    std::string line = stage.failure + ":";
    for (const std::string& name : failed) line += " " + name;
    if (!failed.empty()) host_.report(line);
    return failed;
}

// Their groups are there by now.
void BootRun::expect(const BootInput& input, const Missing& missing) {
    for (const ExpectMember& member : plan_expectations(input, missing)) {
        auto reply = host_.daemon.call(member);
        if (!reply) fail("cannot keep a place for " + member.interface + ": " + reply.error().text);
        else if (reply->error != CommandError::none) fail(member.interface + ": " + reply->text);
    }
}

void BootRun::boot() {
    BootInput input = read("");
    Missing missing;
    std::size_t stage_number = 0;
    for (const BootStage& stage : plan_creation(input, status())) {
        std::vector<std::string> names = carry_out_and_tell(stage);
        Family family = stage_number == 0 || stage_number == 1 ? Family::ipv4 : Family::ipv6;
        missing[index_of(family)].insert(names.begin(), names.end());
        ++stage_number;
    }
    for (const BootStage& stage : plan_configuration(input, status(), missing)) {
        failed_ = !carry_out_and_tell(stage).empty() || failed_;
    }
    for (Family family : kFamilies) {
        MovePlan moves = plan_moves(input, family, status(), missing);
        if (!moves.message.empty()) host_.report(moves.message);
        for (const BootStep& step : moves.steps) failed_ = !carry_out(step) || failed_;
    }
    expect(input, missing);
    failed_ = !carry_out_and_tell(plan_dhcp(input, status())).empty() || failed_;
    await_addresses();
}

void BootRun::attach(const std::string& nic) {
    Status before = status();
    if (is_configured(before, nic)) return host_.say(nic + ": is configured already");
    bool exists = wire::is_interface_name(nic) && host_.links().contains(nic);
    if (!exists) return fail("IP: No such device(" + printable(nic) + ")");
    auto restored = host_.daemon.call(UndoDetach{nic});
    if (!restored) return fail("IP: Replumb failed(" + nic + "): " + restored.error().text);
    if (restored->error == CommandError::none) return host_.say(restored->detail);
    if (restored->error != CommandError::not_offline) return fail("IP: " + restored->text);
    BootInput input = read(nic);
    bool known = input.files.hostname[0].contains(nic) || input.files.hostname[1].contains(nic) ||
                 input.files.dhcp.contains(nic);
    std::string failure = "IP: Failed configuring one or more IP addresses(" + nic + ")";
    if (!known) return fail(failure + ": it has no hostname file");
    bool done = true;
    for (const BootStage& stage : plan_attachment(input, nic, before)) done = carry_out(stage).empty() && done;
    if (!done) return fail(failure);
    host_.say(nic + ": attached");
}

void BootRun::await_addresses() {
    auto reply = host_.daemon.call(AwaitAddresses{});
    if (!reply) return fail("cannot wait for addresses: " + reply.error().text);
    if (reply->error != CommandError::none) fail(reply->text);
}

}  // namespace ipmp
