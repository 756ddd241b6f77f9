#include "sim/attendants.hpp"

#include <algorithm>
#include <utility>

#include "sim/world.hpp"

namespace ipmp::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint32_t kShortestRenewal_s = 5;

}  // namespace

void Attendants::serve(const Action& action) {
    if (auto* how = std::get_if<StartDhcpClient>(&action)) start(*how);
    if (auto* sent = std::get_if<SignalDhcpClient>(&action)) signal(*sent);
    if (auto* newcomer = std::get_if<AttachNic>(&action); newcomer && group_) attach(newcomer->name);
}

void Attendants::calm() {
    is_calm_ = true;
    for (const auto& [key, how] : running_) later_({}, [this, key = key, run = how.run] { speak(key, run); });
}

void Attendants::start(const StartDhcpClient& how) {
    running_[how.client] = how;
    later_(random_.up_to(seconds(3)), [this, how] { speak(how.client, how.run); });
}

void Attendants::signal(const SignalDhcpClient& signal) {
    auto client = running_.find(signal.client);
    if (client == running_.end()) return;
    std::uint64_t run = client->second.run;
    later_(random_.up_to(milliseconds(100)), [this, signal, run] {
        if (signal.signal == DhcpSignal::renew) return speak(signal.client, run);
        auto still = running_.find(signal.client);
        if (still != running_.end() && still->second.run == run) end(signal.client, false);
    });
}

void Attendants::end(const DhcpKey& key, bool cannot_run) {
    DhcpClientEnded ended{key, running_.at(key).run, cannot_run, "it has ended"};
    running_.erase(key);
    tell_(ended);
}

IpAddress Attendants::address_for(const DhcpKey& key) {
    auto known = granted_.find(key);
    if (known != granted_.end()) return known->second;
    IpAddress address{.family = key.family};
    address.bytes = {192, 0, 2, next_host_};
    if (key.family == Family::ipv6) address.bytes = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, next_host_};
    next_host_ = next_host_ == 250 ? 100 : static_cast<std::uint8_t>(next_host_ + 1);
    return granted_[key] = address;
}

// The daemon could not take what was reported last.
bool Attendants::is_declined(const DhcpKey& key) const {
    auto last = last_reports_.find(key);
    const CommandReply* taken = last == last_reports_.end() ? nullptr : world_.reply(last->second);
    return taken && taken->error != CommandError::none;
}

ReportDhcp Attendants::answer_of_server(const StartDhcpClient& how) {
    const DhcpKey& key = how.client;
    ReportDhcp report{.logical = key.logical, .family = key.family, .run = how.run};
    if (how.inform) {
        report.news = DhcpNews::informed;
        return report;
    }
    if (is_declined(key) || (!is_calm_ && random_.chance(0.1))) granted_.erase(key);
    if (!is_calm_ && random_.chance(0.1)) {
        report.news = DhcpNews::refused;
        return report;
    }
    report.address = address_for(key);
    report.prefix_length = key.family == Family::ipv4 ? 24 : 64;
    if (is_calm_) return report;
    report.renewal_s = kShortestRenewal_s + static_cast<std::uint32_t>(random_.below(60));
    report.lease_s = *report.renewal_s * 2;
    if (random_.chance(0.5)) report.names.domains = {"example.org"};
    return report;
}

// What a client does by itself: asks, and asks again when half of the time is over.
void Attendants::speak(const DhcpKey& key, std::uint64_t run) {
    auto client = running_.find(key);
    if (client == running_.end() || client->second.run != run) return;
    if (!is_calm_ && random_.chance(0.1)) return end(key, random_.chance(0.2));
    ReportDhcp report = answer_of_server(client->second);
    last_reports_[key] = world_.command(report);
    bool asks_again = report.renewal_s || report.news == DhcpNews::refused;
    Duration pause = report.renewal_s ? Duration(seconds(*report.renewal_s)) : Duration(seconds(10));
    if (asks_again) later_(pause, [this, key, run] { speak(key, run); });
    else later_(pause, [this, key, run] {
        if (is_declined(key)) speak(key, run);  // so it asks for another address
    });
}

// As the file of a NIC has it: `group G up`.
void Attendants::attach(const std::string& nic) {
    later_(random_.up_to(seconds(1)), [this, nic] {
        world_.command(UndoDetach{nic});
        world_.command(Plumb{nic, Family::ipv4});
        world_.command(SetGroup{nic, Family::ipv4, *group_});
        world_.command(SetFlags{{nic, 0}, Family::ipv4, true, {}, {}});
    });
}

}  // namespace ipmp::sim
