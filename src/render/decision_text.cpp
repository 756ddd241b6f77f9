#include "render/decision_text.hpp"

#include <fmt/format.h>

namespace ipmp {

namespace {

std::string kind_text(const Decision& decision) {
    switch (decision.what) {
        case DecisionKind::joined:
            return "joined " + decision.group;
        case DecisionKind::left:
            return "left its group";
        case DecisionKind::missing:
            return "counted as failed";
        case DecisionKind::failed:
            return "failed";
        case DecisionKind::repaired:
            return "repaired";
        case DecisionKind::offline:
            return "offline";
        case DecisionKind::online:
            return "online again";
        case DecisionKind::inactive:
            return "inactive";
        case DecisionKind::active:
            return "active";
        case DecisionKind::kept:
            return "carries on though failed";
        case DecisionKind::bound:
            break;
        case DecisionKind::unbound:
            return "bound to no interface";
        case DecisionKind::withdrawn:
            return "out of use";
        case DecisionKind::ok:
            return "ok";
        case DecisionKind::degraded:
            return "degraded";
    }
    if (decision.from.empty()) return "bound to " + decision.to;
    return fmt::format("moved from {} to {}", decision.from, decision.to);
}

std::string command_text(const Decision& decision) {
    return decision.command.empty() ? "a command" : fmt::format("the command {}", decision.command);
}

}  // namespace

std::string duration_text(std::uint64_t duration_ms) {
    constexpr std::uint64_t kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
    if (duration_ms < kSecond) return fmt::format("{} ms", duration_ms);
    if (duration_ms < 2 * kMinute) return fmt::format("{} s", duration_ms / kSecond);
    if (duration_ms < 2 * kHour) return fmt::format("{} min", duration_ms / kMinute);
    if (duration_ms < 2 * kDay) return fmt::format("{} h", duration_ms / kHour);
    return fmt::format("{} days", duration_ms / kDay);
}

std::string reason_text(const Decision& decision, const std::string& subject) {
    bool answered = decision.what == DecisionKind::repaired;
    switch (decision.why) {
        case DecisionReason::asked:
            return command_text(decision) + " asked for it";
        case DecisionReason::observed:
            return "found so in the kernel";
        case DecisionReason::link_down:
            return fmt::format("the link of {} is down", subject);
        case DecisionReason::link_up:
            return fmt::format("the link of {} is up", subject);
        case DecisionReason::set_down:
            return subject + " is set down administratively";
        case DecisionReason::missing:
            return subject + " is not there";
        case DecisionReason::declared:
            return subject + " is declared failed by an administrator";
        case DecisionReason::probes:
            return fmt::format("{} probes of {}", answered ? "targets answer" : "no target answers", subject);
        case DecisionReason::unstable:
            return fmt::format("the link of {} comes up too often", subject);
        case DecisionReason::duplicate_mac:
            return subject + " has the MAC of another member";
        case DecisionReason::standby:
            return subject + " is a standby, and enough others carry traffic";
        case DecisionReason::no_failback:
            return "with FAILBACK=no it rests while enough others carry traffic";
        case DecisionReason::needed:
            return "in place of one that does not work";
        case DecisionReason::left:
            return subject + " is in the group no more";
        case DecisionReason::not_plumbed:
            return subject + " is not plumbed for that family any more";
        case DecisionReason::balance:
            return "so that all interfaces carry equally many addresses";
        case DecisionReason::first:
            return decision.to + " carried the fewest addresses when it came up";
        case DecisionReason::member_back:
            return "no interface worked before";
        case DecisionReason::no_member:
            return "no interface of the group works";
        case DecisionReason::duplicate_address:
            return decision.to.empty() ? "another host has it" : fmt::format("another host, {}, has it", decision.to);
        case DecisionReason::members:
            break;
    }
    if (decision.what == DecisionKind::ok) return "all its interfaces can be used";
    return decision.from.empty() ? "because of its interfaces" : "because of " + decision.from;
}

std::string decision_text(const Decision& decision) {
    bool about_address = decision.object == DecisionObject::address;
    // Without a command in it, "asked" is what was asked of the former NIC: to go offline.
    std::string subject = about_address ? decision.from : decision.name;
    return kind_text(decision) + ": " + reason_text(decision, subject.empty() ? "its interface" : subject);
}

}  // namespace ipmp
