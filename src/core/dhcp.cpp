#include "core/dhcp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/fnv.hpp"
#include "base/natural_order.hpp"
#include "core/dhcp_leases.hpp"
#include "core/planner.hpp"
#include "core/predicates.hpp"
#include "core/series.hpp"

namespace ipmp {

namespace {

constexpr Duration kBeforeRenewal = std::chrono::seconds(2);
constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr std::uint32_t kMostDoublings = 6;  // 64 s
// RFC 2131 §3.1: before asking again after an address that turned out to be somebody else's.
constexpr Duration kAfterDuplicate = std::chrono::seconds(10);

CommandReply not_controlled(const LogicalName& logical) {
    return failure(CommandError::no_dhcp, fmt::format("{} is not under DHCP control", logical.interface));
}

// The same for ever, wherever the interface's traffic goes: servers know a client by it (RFC 4361).
std::uint32_t iaid_of(const LogicalName& logical) {
    return fnv1a_32(fmt::format("{}:{}", logical.interface, logical.number));
}

CommandReply start_client(const ControlDhcp& command, const DhcpPlace& place, CommandContext& context) {
    DhcpKey key{command.logical, command.family};
    const LogicalAddress* logical = find_number(*place.addresses, command.logical.number);
    bool has_address = logical && !logical->address.is_zero();
    bool left_over = has_address && is_left_over(*logical, place, context.kernel);
    bool inform = command.verb == DhcpVerb::inform;
    if (!logical && command.logical.number != 0) return no_such_interface(command.logical.interface);
    if (command.family == Family::ipv4 && inform && !(has_address && logical->up)) {
        return failure(CommandError::invalid_argument, "has no address that is up to ask parameters for");
    }
    if (command.family == Family::ipv4 && !inform && has_address && !left_over) {
        return failure(CommandError::in_use, fmt::format("has the address {} already", to_string(logical->address)));
    }
    if (place.nic && !place.nic->admin_up) context.orders.ops.push_back(SetLinkUp{place.link, true});
    context.state.dhcp_clients.push_back({.key = key,
                                          .iaid = iaid_of(command.logical),
                                          .group = place.nic ? place.nic->group : "",
                                          .primary = command.primary,
                                          .inform = inform});
    return success();
}

void erase_client(State& state, const DhcpKey& key) {
    std::erase_if(state.dhcp_clients, [&](const DhcpClient& client) { return client.key == key; });
}

std::optional<std::uint64_t> milliseconds(const std::optional<Instant>& at) {
    if (!at) return {};
    auto since = std::chrono::duration_cast<std::chrono::milliseconds>(at->time_since_epoch());
    return static_cast<std::uint64_t>(since.count());
}

bool is_duplicate(const DhcpClient& client, const DhcpPlace& place) {
    const LogicalAddress* logical = find_number(*place.addresses, client.lease->number);
    return logical && logical->uniqueness == Uniqueness::duplicate;
}

// dhcpcd 9 renews by an address only that it saw in the kernel, with the server's mask, when it got the lease. A test
// address is a host address there, and one that is down is not there at all. So such a client is started anew a little
// before it would try: it asks for its former lease then, as after a reboot, and that needs no address.
bool renews_by_restart(const DhcpClient& client) {
    return client.inform || (client.key.family == Family::ipv4 && (!client.group.empty() || client.address_hidden));
}

std::optional<Instant> restart_due(const DhcpClient& client) {
    bool pending = client.lease && client.lease->renews && renews_by_restart(client) && !client.renewal_asked;
    if (!pending) return {};
    return std::max(client.lease->began, *client.lease->renews - kBeforeRenewal);
}

// The lease's address is to be in the kernel.
bool is_shown(const DhcpClient& client, const DhcpPlace& place) {
    const LogicalAddress* logical = find_number(*place.addresses, client.lease->number);
    return logical && logical->up && !(place.nic && place.nic->offline);
}

// It is there, or is not to be.
bool is_usable(const DhcpClient& client, const DhcpPlace& place, const KernelState& kernel) {
    const LogicalAddress* logical = find_number(*place.addresses, client.lease->number);
    if (!is_shown(client, place)) return true;
    return std::any_of(kernel.addresses.begin(), kernel.addresses.end(), [&](const AddressState& seen) {
        return seen.link == place.link && seen.address == logical->address;
    });
}

}  // namespace

CommandReply control_dhcp(const ControlDhcp& command, CommandContext& context) {
    if (command.family == Family::ipv6 && command.logical.number != 0) {
        return failure(CommandError::invalid_argument, "DHCPv6 is for a whole interface; it makes logical ones itself");
    }
    auto place = find_dhcp_place(context.state, {command.logical, command.family});
    if (!place || !place->link) return no_such_interface(command.logical.interface);
    DhcpClient* client = find_dhcp_client(context.state, {command.logical, command.family});
    switch (command.verb) {
        case DhcpVerb::start:
            if (!client) return start_client(command, *place, context);
            if (client->inform || client->releasing) {
                return failure(CommandError::in_use, "DHCP does something else for it; drop that first");
            }
            client->primary = client->primary || command.primary;
            break;
        case DhcpVerb::inform:
            if (!client) return start_client(command, *place, context);
            if (!client->inform) return failure(CommandError::in_use, "has a DHCP lease, or is about to get one");
            client->informed = false;
            client->renew_wanted = true;
            break;
        case DhcpVerb::drop:
            if (!client) return not_controlled(command.logical);
            end_lease(*client, context);
            erase_client(context.state, client->key);
            break;
        case DhcpVerb::release:
            if (!client || client->inform) return not_controlled(command.logical);
            client->releasing = true;
            break;
        case DhcpVerb::extend:
            if (!client) return not_controlled(command.logical);
            if (!client->lease) return failure(CommandError::no_dhcp, "has no DHCP lease yet");
            client->renew_wanted = true;
            break;
    }
    return success();
}

CommandReply report_dhcp(const ReportDhcp& command, CommandContext& context) {
    DhcpClient* client = find_dhcp_client(context.state, {command.logical, command.family});
    if (!client || client->run == 0 || client->run != command.run) return not_controlled(command.logical);
    client->failures = 0;
    client->renewal_asked = client->address_hidden = false;
    ++client->answers;
    switch (command.news) {
        case DhcpNews::informed:
            client->informed = client->inform;
            return success();
        case DhcpNews::refused:
            end_lease_saying(*client, "was taken back by the server", context);
            return success();
        case DhcpNews::bound:
            break;
    }
    if (client->inform || client->releasing) return success();
    CommandReply taken = take_lease(*client, command, context);
    if (taken.error == CommandError::none) return taken;
    context.log.push_back(Log{Severity::error, fmt::format("the DHCP server's {} cannot be used on {}: {}",
                                                           to_string(*command.address), command.logical.interface,
                                                           taken.text)});
    client->retry_due = context.now + kAfterDuplicate;
    return taken;
}

void end_all_leases(CommandContext& context) {
    for (DhcpClient& client : context.state.dhcp_clients) end_lease(client, context);
    context.state.dhcp_clients.clear();
}

void describe_dhcp(const State& state, Status& status) {
    for (const DhcpClient& client : state.dhcp_clients) {
        DhcpStatus shown{.interface = client.key.logical.interface,
                         .number = client.key.logical.number,
                         .family = client.key.family,
                         .primary = client.primary};
        if (client.inform) shown.state = client.informed ? DhcpPhase::information : DhcpPhase::inform_sent;
        if (client.lease) {
            shown.state = client.releasing ? DhcpPhase::releasing : DhcpPhase::bound;
            shown.address = client.lease->address;
            shown.began_ms = milliseconds(client.lease->began);
            shown.renews_ms = milliseconds(client.lease->renews);
            shown.expires_ms = milliseconds(client.lease->expires);
        }
        status.dhcp.push_back(std::move(shown));
    }
    std::sort(status.dhcp.begin(), status.dhcp.end(), [](const DhcpStatus& a, const DhcpStatus& b) {
        if (a.interface != b.interface) return natural_less(a.interface, b.interface);
        return std::pair(a.number, a.family) < std::pair(b.number, b.family);
    });
}

void Dhcp::await(Reply reply, const ControlDhcp& command, State& state) {
    DhcpKey key{command.logical, command.family};
    const DhcpClient* client = find_dhcp_client(state, key);
    waiting_.push_back({std::move(reply), key, command.verb, client ? client->answers : 0});
}

void Dhcp::file(const DhcpClientEnded& event, CommandContext context) {
    DhcpClient* client = find_dhcp_client(context.state, event.client);
    if (!client || client->run != event.run) return;  // it was to end
    started_.erase(event.client);
    client->run = 0;
    if (client->releasing) return;
    if (event.cannot_run) {
        ended_[event.client] = failure(CommandError::no_dhcp_client, event.text);
        context.log.push_back(Log{Severity::error, fmt::format("no DHCP on {}: {}", event.client.logical.interface,
                                                               event.text)});
        end_lease(*client, context);
        erase_client(context.state, event.client);
        return;
    }
    Duration pause = kFirstRetry * (1 << std::min(client->failures, kMostDoublings));
    ++client->failures;
    client->retry_due = context.now + pause;
    context.log.push_back(
        Log{Severity::error, fmt::format("the DHCP client of {} has ended, starting it again in {} s: {}",
                                         event.client.logical.interface,
                                         std::chrono::duration_cast<std::chrono::seconds>(pause).count(), event.text)});
}

void Dhcp::reconsider(CommandContext context) {
    std::vector<DhcpKey> given_up;
    for (DhcpClient& client : context.state.dhcp_clients) {
        auto place = find_dhcp_place(context.state, client.key);
        std::string group = place && place->nic ? place->nic->group : "";
        if (client.releasing && (client.run == 0 || !place || !place->link)) {
            end_lease(client, context);
            ended_[client.key] = success();
            given_up.push_back(client.key);
        } else if (!place || client.group != group || !is_untouched(client, *place, context.kernel)) {
            abandon(client, context);
            given_up.push_back(client.key);
        } else if (client.lease && client.lease->expires && *client.lease->expires <= context.now) {
            end_lease_saying(client, "has ended", context);
        } else if (client.lease && is_duplicate(client, *place)) {
            end_lease_saying(client, "is of no use: another host has the address", context);
            client.retry_due = context.now + kAfterDuplicate;
        }
    }
    for (const DhcpKey& key : given_up) erase_client(context.state, key);
}

// What somebody else changed stays as he wants it, and is not the server's to take back; an unchanged lease goes.
void Dhcp::abandon(DhcpClient& client, CommandContext& context) {
    auto place = find_dhcp_place(context.state, client.key);
    bool changed = place && client.lease && !is_untouched(client, *place, context.kernel);
    const LogicalAddress* logical = changed ? find_number(*place->addresses, client.lease->number) : nullptr;
    bool stays = logical && logical->address == client.lease->address && logical->up && place->link;
    if (changed) client.lease.reset();
    if (stays) {  // without end from now on
        context.orders.ops.push_back(address_op(context.state, place->link, *logical, place->on_member()));
    }
    end_lease(client, context);
    context.log.push_back(Log{Severity::error, fmt::format("{} is no longer under DHCP control: it was configured "
                                                           "otherwise",
                                                           client.key.logical.interface)});
    ended_[client.key] = not_controlled(client.key.logical);
}

void Dhcp::update(State& state, const KernelState& kernel, Instant now, std::vector<Action>& actions) {
    std::map<DhcpKey, Started> former = std::exchange(started_, {});
    for (DhcpClient& client : state.dhcp_clients) {
        auto place = find_dhcp_place(state, client.key);
        if (client.retry_due && *client.retry_due <= now) client.retry_due.reset();
        if (place && client.lease && !is_shown(client, *place)) client.address_hidden = true;
        if (auto due = restart_due(client); due && *due <= now) client.renew_wanted = client.renewal_asked = true;
        auto running = former.find(client.key);
        bool is_running = running != former.end() && client.run == running->second.how.run;
        bool restarts = client.renew_wanted && renews_by_restart(client) && !client.releasing;
        if (!place || !place->link || client.retry_due) {
            client.run = 0;
            continue;
        }
        Started wanted = how_to_start(client, *place);
        if (is_running && !restarts && is_same(running->second, wanted)) {
            signal(client, started_[client.key] = running->second, actions);
        } else {
            start(client, wanted, now, actions);
        }
    }
    for (const auto& [key, ended] : former) {
        if (!started_.contains(key)) actions.push_back(SignalDhcpClient{key, DhcpSignal::end});
    }
    for (Waiting& waiting : std::exchange(waiting_, {})) {
        if (is_due(waiting, state, kernel)) actions.push_back(std::move(waiting.reply));
        else waiting_.push_back(std::move(waiting));
    }
    ended_.clear();
}

Dhcp::Started Dhcp::how_to_start(const DhcpClient& client, const DhcpPlace& place) {
    Started wanted{{.client = client.key, .iaid = client.iaid, .broadcast = !place.nic}, place.link, false};
    wanted.how.inform = client.inform;
    wanted.how.place = place.link.place;
    const LogicalAddress* logical = find_number(*place.addresses, client.key.logical.number);
    if (client.inform && logical) {
        wanted.how.address = logical->address;
        wanted.how.prefix_length = logical->prefix_length;
    }
    return wanted;
}

bool Dhcp::is_same(const Started& started, Started wanted) {
    wanted.how.run = started.how.run;
    return started.how == wanted.how && started.link == wanted.link;
}

void Dhcp::start(DhcpClient& client, Started& wanted, Instant now, std::vector<Action>& actions) {
    auto clock = static_cast<std::uint64_t>(now.time_since_epoch().count());
    last_run_ = std::max(clock, last_run_ + 1);  // no other daemon gave it to a client that may still speak
    client.run = wanted.how.run = last_run_;
    client.renew_wanted = false;
    started_[client.key] = wanted;
    actions.push_back(wanted.how);
}

void Dhcp::signal(DhcpClient& client, Started& started, std::vector<Action>& actions) {
    if (client.releasing && !std::exchange(started.released, true)) {
        actions.push_back(SignalDhcpClient{client.key, DhcpSignal::release});
    } else if (client.renew_wanted && !client.releasing) {
        actions.push_back(SignalDhcpClient{client.key, DhcpSignal::renew});
    }
    client.renew_wanted = false;
}

// Before the kernel has been seen, commands have no effect yet: one may have ended that client and begun another.
bool Dhcp::is_another(const Waiting& waiting, const DhcpClient& client) {
    if (waiting.verb == DhcpVerb::release) return !client.releasing;
    return client.inform != (waiting.verb == DhcpVerb::inform) || client.answers < waiting.answers;
}

bool Dhcp::is_due(Waiting& waiting, State& state, const KernelState& kernel) const {
    const DhcpClient* client = find_dhcp_client(state, waiting.client);
    auto ended = ended_.find(waiting.client);
    bool is_told = ended != ended_.end();
    if (!client || is_told || is_another(waiting, *client)) {
        bool released = waiting.verb == DhcpVerb::release;
        if (!released) waiting.reply.reply = is_told ? ended->second : not_controlled(waiting.client.logical);
        return true;
    }
    auto place = find_dhcp_place(state, waiting.client);
    if (!place || !place->link) {  // unplugged: there is no telling when it comes back
        waiting.reply.reply = no_such_interface(waiting.client.logical.interface);
        return true;
    }
    switch (waiting.verb) {
        case DhcpVerb::start:
            return client->lease && is_usable(*client, *place, kernel);
        case DhcpVerb::extend:
            return client->answers > waiting.answers;
        case DhcpVerb::inform:
            return client->informed;
        case DhcpVerb::drop:
        case DhcpVerb::release:
            break;
    }
    return false;
}

std::optional<Instant> Dhcp::deadline(const State& state) const {
    std::optional<Instant> earliest;
    for (const DhcpClient& client : state.dhcp_clients) {
        note_earlier(earliest, client.retry_due);
        note_earlier(earliest, restart_due(client));
        if (client.lease) note_earlier(earliest, client.lease->expires);
    }
    return earliest;
}

}  // namespace ipmp
