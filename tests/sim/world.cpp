#include "sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/check.hpp"
#include "core/planner.hpp"
#include "core/predicates.hpp"
#include "sim/trace.hpp"
#include "wire/state_codec.hpp"

namespace ipmp::sim {

namespace {

constexpr Duration kResyncInterval = std::chrono::seconds(5);
constexpr int kMostStepsAtOnce = 500;  // more of them without time passing is a busy loop
constexpr const char* kHostId = "0123456789abcdef";

int count(const GroupFamily& family, InterfaceIndex member) {
    return static_cast<int>(std::count(family.slots.begin(), family.slots.end(), member));
}

bool slots_level(const GroupFamily& family) {
    int most = 0, least = static_cast<int>(kSlotCount);
    for (InterfaceIndex member : family.active) {
        most = std::max(most, count(family, member));
        least = std::min(least, count(family, member));
    }
    return most - least <= 1;
}

}  // namespace

World::World(std::uint64_t seed, const Config& config, const Faults& faults)
    : config_(config), faults_(faults), random_(seed),
      peers_(seed, [this](Duration delay, Event event) {
          for_this_daemon(delay, [this, event = std::move(event)] { deliver(event); });
      }),
      attendants_(*this, seed, [this](Duration delay, auto act) { for_this_daemon(delay, std::move(act)); },
                  [this](const Event& event) { deliver(event); }),
      stored_(encode_state(State{})) {
    start();
}

void World::at(Instant when, std::function<void()> act) {
    queue_.push({std::max(when, now_), next_order_++, std::move(act)});
}

void World::for_this_daemon(Duration delay, std::function<void()> act) {
    at(now_ + delay, [this, daemon = daemon_, act = std::move(act)] {
        if (!running_ || daemon != daemon_) return;
        if (now_ >= stalled_until_) return act();
        for_this_daemon(stalled_until_ - now_, act);
    });
}

void World::run_until(Instant end) {
    while (violations_.empty() && !queue_.empty() && queue_.top().at <= end) {
        Entry next = queue_.top();
        queue_.pop();
        if (next.at > now_) steps_now_ = 0;
        now_ = next.at;
        next.act();
    }
    now_ = std::max(now_, end);
}

void World::trace(const std::string& text) {
    double seconds = std::chrono::duration<double>(now_.time_since_epoch()).count();
    if (trace_) trace_(fmt::format("{:12.6f} {}", seconds, text));
}

void World::violated(const std::string& text) {
    violations_.push_back(text);
    trace("VIOLATED: " + text);
}

void World::violated(const Violations& texts) {
    for (const std::string& text : texts) violated(text);
}

// ---- The daemon -------------------------------------------------------------------------------------------------

void World::start() {
    ++daemon_;
    running_ = awaited_first_ = true;
    auto state = decode_state(stored_);
    IPMP_CHECK(state);
    engine_.emplace(config_, kHostId, std::move(*state));
    maps_ = {};
    known_ = engine_->state();
    kernel_.look_into(known_.named_places);
    activations_.clear();
    told_.clear();
    peers_.forget();
    claims_.forgive_waiting();
    probe_sources_.clear();
    detection_.forget_all(now_);
    resync();
}

void World::restart(Duration downtime) {
    if (!running_) return;
    running_ = false;
    trace("restart");
    stored_ = encode_state(engine_->state());  // as after each step; nobody reads it before
    quiet_version_.reset();
    if (knows_all(downtime)) quiet_version_ = kernel_.version();
    batches_.clear();
    failures_.clear();
    managed_.clear();
    watched_.clear();
    asked_.clear();  // their clients see the connection end
    next_op_ = generation_ = 0;
    netlink_busy_ = dump_wanted_ = false;
    kernel_.new_daemon();
    attendants_.daemon_ended();
    at(now_ + downtime, [this] { start(); });
}

void World::deliver(const Event& event) {
    bool catches_up = now_ == stalled_until_;  // with all that came in meanwhile
    if (!catches_up && ++steps_now_ > kMostStepsAtOnce) {
        violated("busy loop: time does not move on");
        return;
    }
    if (trace_) trace(describe_event(event));
    if (auto* seen = std::get_if<KernelObserved>(&event)) observed_ = seen->state;
    Engine::Outcome outcome = engine_->step(now_, event);
    watch_detection(event, outcome.actions, outcome.decided);
    if (outcome.decided) {  // else nothing has changed
        inspect(known_, event, outcome.actions);
        known_ = engine_->state();
    }
    if (random_.chance(faults_.crash_after_step)) {
        restart(random_.up_to(std::chrono::milliseconds(500)));
        quiet_version_.reset();
        return;
    }
    auto* received = std::get_if<CommandReceived>(&event);
    bool is_lease = received && std::holds_alternative<ReportDhcp>(received->command);
    Instant former_change = last_change_;
    for (const Action& action : outcome.actions) carry_out(action);
    if (is_lease) last_change_ = former_change;  // renewed now and then, for as long as it is there
    if (outcome.stop) return restart(random_.up_to(std::chrono::seconds(3)));  // somebody starts another one
    schedule_tick(outcome.deadline);
}

void World::inspect(const State& before, const Event& event, const std::vector<Action>& actions) {
    bool first = awaited_first_ && std::holds_alternative<KernelObserved>(event);
    if (awaited_first_ && !first) {
        quiet_version_.reset();  // what it was told meanwhile takes effect with the first observation
        return;
    }
    awaited_first_ = false;
    Transition step{before, engine_->state(), event, actions, config_};
    violated(check(step.after, engine_->image(), config_));
    if (!first) {
        violated(check_transition(step));
    } else if (quiet_version_ == kernel_.version()) {
        violated(check_restart(step));
    }
    peers_.follow(engine_->state(), engine_->image());
    if (auto* answer = std::get_if<PeerAnswered>(&event)) peers_.answered(*answer);
    watch_carrier_beliefs(event);
    watch_slots();
    if (now_ < stalled_until_ + std::chrono::seconds(2)) claims_.forgive_waiting();
    for (const std::string& text : claims_.inspect(step, engine_->image(), now_, faults_.tick_delay)) violated(text);
}

// Whatever comes late, twice or out of order: the engine believes the largest count it has been told.
void World::watch_carrier_beliefs(const Event& event) {
    auto note = [&](const CarrierChange& told) {
        auto known = told_.try_emplace(told.link, told).first;
        if (told.carrier_changes >= known->second.carrier_changes) known->second = told;
    };
    if (auto* gone = std::get_if<LinkVanished>(&event)) told_.erase(gone->link);
    if (auto* changed = std::get_if<CarriersChanged>(&event)) {
        for (const CarrierChange& change : changed->links) {  // the fast path makes failures early, never repairs
            if (!change.up && find_interface(engine_->state(), change.link)) note(change);
        }
    }
    if (auto* seen = std::get_if<KernelObserved>(&event)) {
        for (const auto& [index, link] : seen->state.links) note({index, link.carrier, link.carrier_changes});
    }
    for (const auto& [name, interface] : engine_->state().interfaces) {
        auto told = told_.find(interface.index);
        if (!interface.index || told == told_.end()) continue;
        bool believed = told->second.up == interface.carrier;
        if (!believed) violated(fmt::format("{}: carrier believed {}", name, interface.carrier ? "up" : "down"));
    }
}

// Slots are level a second after the last activation, give or take late ticks (design D4).
void World::watch_slots() {
    for (const auto& [name, group] : engine_->state().groups) {
        for (Family which : kFamilies) {
            const GroupFamily& family = group.families[index_of(which)];
            auto& [active, since] = activations_[{name, which}];
            if (active != family.active) {
                active = family.active;
                since = now_;
            }
            bool due = now_ > since + std::chrono::seconds(1) + 2 * faults_.tick_delay;
            if (due && !slots_level(family)) violated(fmt::format("{}: slots are not level after a second", name));
        }
    }
}

// A data address leaves a member only when it is on the IPMP interface already (design D13). One-time orders of an
// administrator are in the batch but not in the plan.
void World::watch_migration() {
    for (const KernelOp& op : plan(engine_->state(), observed_, AddressIndex(observed_), config_)) {
        auto* remove = std::get_if<RemoveAddress>(&op);
        const Interface* member = remove ? find_interface(engine_->state(), remove->link) : nullptr;
        if (!member || member->group.empty()) continue;
        const auto& own = member->families[index_of(remove->address.family)].addresses;
        if (std::any_of(own.begin(), own.end(), [&](auto& one) { return one.address == remove->address; })) continue;
        const Group& group = engine_->state().groups.at(member->group);
        for (const LogicalAddress& logical : group.families[index_of(remove->address.family)].addresses) {
            if (logical.address != remove->address || !in_use(logical)) continue;
            bool there = std::any_of(observed_.addresses.begin(), observed_.addresses.end(), [&](const auto& seen) {
                return seen.link == group.upper && seen.address == logical.address;
            });
            if (!there)
                violated(fmt::format("{} leaves {} before it is on {}", to_string(logical.address), member->name,
                                     group.interface));
        }
    }
}

void World::carry_out(const Action& action) {
    if (trace_) trace("  -> " + describe_action(action));
    bool is_steady = std::holds_alternative<Announce>(action) || std::holds_alternative<ProbeAddress>(action) ||
                    std::holds_alternative<AskPeer>(action) || std::holds_alternative<SendProbe>(action) ||
                    std::holds_alternative<ProbeReport>(action) || std::holds_alternative<FindPeers>(action) ||
                    std::holds_alternative<Reply>(action);
    if (!is_steady) last_change_ = now_;
    if (auto* probe = std::get_if<SendProbe>(&action)) return send(*probe);
    if (std::holds_alternative<Announce>(action)) ++announced_;
    if (auto* publish = std::get_if<PublishImage>(&action)) {
        violated(maps_.write(*publish, engine_->image()));
    } else if (auto* apply = std::get_if<ApplyKernel>(&action)) {
        watch_migration();
        batches_.push_back(*apply);
        wake_netlink();
    } else if (auto* log = std::get_if<Log>(&action)) {
        logged_.push_back({now_, log->text});
    } else if (auto* answer = std::get_if<Reply>(&action)) {
        if (asked_.erase(answer->request) == 0) violated(fmt::format("request {} is answered twice", answer->request));
        replies_[answer->request] = answer->reply;
    } else if (auto* search = std::get_if<FindPeers>(&action)) {
        // Whoever asks on behalf of test addresses looks for targets.
        bool for_probes = std::any_of(probe_sources_.begin(), probe_sources_.end(), [&](const ProbeSource& source) {
            return !search->addresses.empty() && source.address == search->addresses.front();
        });
        if (for_probes) find_peers(*search);
        else violated(peers_.search(*search));
    } else if (auto* question = std::get_if<AskPeer>(&action)) {
        violated(peers_.question(*question, engine_->image(), faults_.frame_lost));
    } else if (auto* watch = std::get_if<WatchCarrier>(&action)) {
        watched_ = {watch->links.begin(), watch->links.end()};
    }
    attendants_.serve(action);
}

void World::schedule_tick(std::optional<Instant> deadline) {
    std::uint64_t token = ++tick_token_;
    if (!deadline) return;
    Instant due = std::max(*deadline, now_) + random_.up_to(faults_.tick_delay);
    // A daemon that goes on after a stop reads what has come in before it looks at its timers.
    due = std::max(due, stalled_until_ + Duration(1));
    for_this_daemon(due - now_, [this, token] {
        if (token != tick_token_) return;
        if (now_ <= stalled_until_) return schedule_tick(now_);
        deliver(Tick{});
    });
}

std::uint64_t World::command(const Command& command) {
    std::uint64_t request = next_request_++;
    if (!running_) return request;
    asked_.insert(request);
    for_this_daemon({}, [this, request, command] { deliver(CommandReceived{request, command}); });
    return request;
}

const CommandReply* World::reply(std::uint64_t request) const {
    auto found = replies_.find(request);
    return found == replies_.end() ? nullptr : &found->second;
}

void World::set_config(const Config& config) {
    config_ = config;
    detection_.forgive_all(now_);
    quiet_version_.reset();
    if (running_) deliver(ConfigChanged{config});
}

// ---- Who notices changes of the kernel ----------------------------------------------------------------------------

void World::kernel_changed() {
    std::vector<std::pair<Duration, CarriersChanged>> looks;
    for (const CarrierChange& change : kernel_.take_carrier_changes()) {
        if (!running_ || !watched_.contains(change.link) || random_.chance(faults_.carrier_lost)) continue;
        int times = random_.chance(faults_.carrier_repeated) ? 2 : 1;
        for (; times > 0; --times) {
            Duration delay = random_.up_to(faults_.carrier_delay);
            bool at_one_look = !looks.empty() && delay.count() % 2 == 0;
            if (!at_one_look) looks.push_back({delay, {}});
            looks.back().second.links.push_back(change);
        }
    }
    for (const auto& [delay, event] : looks) for_this_daemon(delay, [this, seen = event] { deliver(seen); });
    for (auto link = watched_.begin(); link != watched_.end();) {
        if (kernel_.truth().links.contains(*link)) {
            ++link;
            continue;
        }
        for_this_daemon(random_.up_to(faults_.carrier_delay), [this, gone = *link] { deliver(LinkVanished{gone}); });
        link = watched_.erase(link);
    }
    if (random_.chance(faults_.observation_lost)) {
        for_this_daemon(kResyncInterval, [this] { resync(); });
    } else {
        resync();
    }
}

void World::resync() {
    dump_wanted_ = true;
    wake_netlink();
}

void World::wake_netlink() {
    if (!running_ || netlink_busy_ || (batches_.empty() && !dump_wanted_)) return;
    netlink_busy_ = true;
    for_this_daemon(random_.up_to(faults_.kernel_delay), [this] { netlink_work(); });
}

void World::netlink_work() {
    if (batches_.empty()) {
        take_dump();
        return;
    }
    const ApplyKernel& batch = batches_.front();
    if (next_op_ == batch.ops.size()) {
        finish_batch();
        return;
    }
    const KernelOp& op = batch.ops[next_op_++];
    int error_number = random_.chance(faults_.operation_fails) ? EBUSY : kernel_.apply(op);
    if (error_number) failures_.push_back({op, error_number, std::strerror(error_number)});
    expire_later(op);
    kernel_changed();
    for_this_daemon(random_.up_to(faults_.kernel_delay), [this] { netlink_work(); });
}

void World::finish_batch() {
    generation_ = batches_.front().generation;
    managed_ = batches_.front().managed;
    kernel_.look_into(batches_.front().named_places);
    batches_.pop_front();
    next_op_ = 0;
    deliver_in_order(KernelApplied{generation_, std::exchange(failures_, {})}, 0);
    take_dump();
}

void World::take_dump() {
    dump_wanted_ = false;
    KernelObserved seen;
    std::uint64_t version = kernel_.version();
    seen.state.generation = generation_;
    seen.state.links = kernel_.dump_links(managed_);
    seen.state.named_places = kernel_.dump_named_places();
    Duration tear = faults_.torn_dumps ? random_.up_to(faults_.kernel_delay) : Duration::zero();
    for_this_daemon(tear, [this, seen, version]() mutable {
        seen.state.addresses = kernel_.truth().addresses;
        seen.state.rules = kernel_.truth().rules;
        seen.state.routes = kernel_.truth().routes;
        seen.state.neighbours = kernel_.truth().neighbours;
        seen.state.target_routes = kernel_.dump_target_routes();
        deliver_in_order(seen, version);
        netlink_busy_ = false;
        wake_netlink();
    });
}

void World::deliver_in_order(const Event& event, std::uint64_t version) {
    last_delivery_ = std::max(last_delivery_, now_ + random_.up_to(faults_.delivery_delay));
    for_this_daemon(last_delivery_ - now_, [this, event, version] {
        observed_version_ = version;
        deliver(event);
    });
}

}  // namespace ipmp::sim
