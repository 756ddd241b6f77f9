#include "core/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/announcements.hpp"
#include "core/anonymous_group.hpp"
#include "core/applications.hpp"
#include "core/commands.hpp"
#include "core/decisions.hpp"
#include "core/detach.hpp"
#include "core/dhcp.hpp"
#include "core/duplicates.hpp"
#include "core/former.hpp"
#include "core/hardware_duplicates.hpp"
#include "core/hygiene.hpp"
#include "core/image.hpp"
#include "core/isolation.hpp"
#include "core/keep_alives.hpp"
#include "core/link_wishes.hpp"
#include "core/membership_queries.hpp"
#include "core/name_services.hpp"
#include "core/neighbour_entries.hpp"
#include "core/newcomers.hpp"
#include "core/notices.hpp"
#include "core/observe.hpp"
#include "core/periodic_defence.hpp"
#include "core/placement.hpp"
#include "core/policy.hpp"
#include "core/predicates.hpp"
#include "core/probing/probing.hpp"
#include "core/rebinds.hpp"
#include "core/reconciler.hpp"
#include "core/recover.hpp"
#include "core/roster.hpp"
#include "core/scope.hpp"
#include "core/series.hpp"
#include "core/snapshot.hpp"
#include "core/verdict.hpp"

namespace ipmp {

struct Engine::Impl {
    Config config;
    std::string host_id;
    State state;
    KernelState kernel;  // as observed last
    AddressIndex addresses{kernel};
    bool observed = false;  // start-up is over: the kernel has been seen
    Instant now;

    std::vector<CommandReceived> early_commands;  // came before the first observation
    Reconciler reconciler;
    bool stop = false;

    Probing probing;
    DataplaneImage image;
    Dhcp dhcp;
    Duplicates duplicates;
    Announcements announcements;
    Rebinds rebinds;
    KeepAlives keep_alives;
    PeriodicDefence periodic_defence;
    MembershipQueries queries;
    Hygiene hygiene;
    Newcomers newcomers;
    NameServices name_services;
    Decisions decisions;
    WatchCarrier watch;
    std::optional<Instant> others_due;  // the deadline of everything but frames
    std::map<std::string, Interface> before;  // NICs as the last step left them
    // For conclude(): what comes after what keeps traffic flowing, whom that was about, what others may be told.
    std::vector<Action> messages;
    Scope scope = Scope::everybody();
    const DataplaneImage* told = &image;
    DataplaneImage image_without_questions;

    explicit Impl(RandomSource random) : probing(std::move(random)) {}

    Outcome decide(Instant at, const Event& event);
    std::vector<Action> announce();
    Outcome conclude(const Event& event);
    void conclude_for_all(std::vector<Action>& actions);
    Outcome send_frames(const Event& event);
    bool concerns_frames_only(const Event& event) const;
    CommandContext command_context(std::vector<Action>& log) {
        return {state, kernel, host_id, reconciler.orders, now, log};
    }

    // One per event kind: files it into the state.
    void file(const KernelObserved& event, std::vector<Action>& log);
    void file(const CarriersChanged& event, std::vector<Action>&) { file_carriers(state, event); }
    void file(const LinkVanished& event, std::vector<Action>& log);
    void file(const CommandReceived& event, std::vector<Action>& log);
    void file(const KernelApplied& event, std::vector<Action>& log);
    void file(const ConfigChanged& event, std::vector<Action>&) { config = event.config; }
    void file(const PeersFound& event, std::vector<Action>& log);
    void file(const PeerAnswered&, std::vector<Action>&) {}
    void file(const AddressClaimed& event, std::vector<Action>& log);
    void file(const ProbeAnswered& event, std::vector<Action>& log);
    void file(const ProbeNotSent& event, std::vector<Action>& log);
    void file(const DhcpClientEnded& event, std::vector<Action>& log) { dhcp.file(event, command_context(log)); }
    void file(const Tick& event, std::vector<Action>& log);

    // What follows from the state, in this order.
    void reconsider(const Event& event);
    void place();
    void publish(std::vector<Action>& actions);

    std::optional<Instant> deadline() const;
    std::optional<Instant> deadline_without_frames() const;
};

namespace {

bool is_of_a_probe(const Event& event) {
    return std::holds_alternative<ProbeAnswered>(event) || std::holds_alternative<ProbeNotSent>(event);
}

// What a batch did shows in the observation that follows, as does a link that is back: such events change nothing.
bool has_no_news(const Event& event) {
    const auto* applied = std::get_if<KernelApplied>(&event);
    const auto* carriers = std::get_if<CarriersChanged>(&event);
    return applied ? applied->failures.empty() : carriers && std::ranges::all_of(carriers->links, &CarrierChange::up);
}

}  // namespace

Engine::Outcome Engine::Impl::decide(Instant at, const Event& event) {
    now = std::max(now, at);
    messages.clear();
    bool frames_only = concerns_frames_only(event);
    std::visit([&](const auto& kind) { file(kind, messages); }, event);
    if (!observed || has_no_news(event)) {
        bring_up_to_date(before, state.interfaces);
        if (!observed) return {.actions = std::exchange(messages, {})};
        return {.actions = std::exchange(messages, {}), .deadline = deadline(), .decided = false};
    }
    if (frames_only && !probing.verdict_due(state, config, now)) return send_frames(event);

    // Who loses a link waits for nobody else's affairs: they have their turn with the Tick that follows at once.
    bool is_loss = std::holds_alternative<CarriersChanged>(event);
    scope = is_loss ? with_other_carriers(state, before) : Scope::everybody();
    if (is_loss)
        probing.stop_without_link(state);
    else
        reconsider(event);
    judge_links(state, before, scope, config, now, messages);
    choose_active(state, before, config.failback, scope);
    if (!is_loss) duplicates.reconsider(state, config, now);
    place();

    std::vector<Action> actions;
    publish(actions);
    bool lost = std::any_of(before.begin(), before.end(), [&](const auto& entry) {
        if (!scope.contains(entry.second.group)) return false;
        auto after = state.interfaces.find(entry.first);
        return active(entry.second) && (after == state.interfaces.end() || !active(after->second));
    });
    return {.actions = std::move(actions), .unfinished = true, .lost = lost};
}

// What may change whose links are judged, or how.
void Engine::Impl::reconsider(const Event& event) {
    judge_places(state, kernel);
    dhcp.reconsider(command_context(messages));
    migrate_addresses(state, kernel);
    update_anonymous_group(state, kernel, config);
    log_membership(before, state, messages);
    judge_hardware_addresses(state, before, messages);
    probing.update(state, kernel, addresses, config, std::holds_alternative<KernelObserved>(event), now, messages);
}

std::vector<Action> Engine::Impl::announce() {
    std::vector<Action> actions;
    duplicates.update(state, image, config, scope, now, actions);
    told = &announceable(state, image, image_without_questions);
    announcements.follow(*told, kernel, addresses, scope, now);
    announcements.send(config.announcements_per_second, now, actions);
    return actions;
}

Engine::Outcome Engine::Impl::conclude(const Event& event) {
    std::vector<Action> actions;
    GroupMembers members(state.interfaces, scope);
    for (auto& [name, group] : state.groups) {
        if (scope.contains(name)) judge_group(members.of(group), group, messages);
    }
    rebinds.update(event, *told, kernel, now, actions);
    if (scope.is_everybody()) conclude_for_all(actions);
    std::move(messages.begin(), messages.end(), std::back_inserter(actions));
    decisions.update(before, state, event, now);
    bring_up_to_date(before, state.interfaces);
    others_due = scope.is_everybody() ? deadline_without_frames() : now;
    return {.actions = std::move(actions), .deadline = deadline(), .stop = stop};
}

void Engine::Impl::conclude_for_all(std::vector<Action>& actions) {
    hygiene.update(state, addresses, now, messages);
    keep_alives.update(*told, addresses, now, actions);
    periodic_defence.update(*told, now, actions);
    queries.update(state, image, kernel, now, actions);
    if (WatchCarrier wanted{links_to_watch(state)}; wanted != watch) actions.push_back(watch = std::move(wanted));
    dhcp.update(state, kernel, now, actions);
    name_services.update(state, actions);
    reconciler.reconcile(state, kernel, addresses, config, now, actions);
    Reconciler::Answered answered = reconciler.answer(state, kernel, actions);
    note_detached(answered.detached, state);
    stop = answered.stop || stop;
    probing.follow(state);
}

// Probes that came or went, announcements that are due, peers that are asked or have answered: nothing has changed.
Engine::Outcome Engine::Impl::send_frames(const Event& event) {
    if (std::holds_alternative<Tick>(event)) announcements.send(config.announcements_per_second, now, messages);
    if (!is_of_a_probe(event)) rebinds.serve(event, *told, kernel, now, messages);
    return {.actions = std::exchange(messages, {}), .deadline = deadline(), .decided = false};
}

void Engine::Impl::file(const KernelObserved& event, std::vector<Action>& log) {
    if (event.state.generation < kernel.generation) return;
    log_filters_in_front(kernel, event.state, log);
    log_new_entries(state, kernel, event.state, log);
    KernelState former = std::exchange(kernel, event.state);
    reconciler.observed(kernel);
    if (!observed) {
        for (std::string& line : recover(state, kernel)) log.push_back(Log{Severity::error, std::move(line)});
    }
    file_observation(state, kernel, reconciler.orders.doomed);
    assume_addresses(state, kernel);
    addresses = AddressIndex(kernel);  // not before: those were added to what was observed
    log_taken_names(state, former, kernel, log);
    log_surplus(state, former, kernel, log);
    log_namespaces(state, former, kernel, !observed, log);
    forget_restored_settings(state, kernel);
    newcomers.update(state, log);
    if (observed) return;
    observed = true;
    CommandContext context = command_context(log);
    undo_unfinished_detaches(context);
    for (const CommandReceived& command : std::exchange(early_commands, {})) file(command, log);
}

void Engine::Impl::file(const LinkVanished& event, std::vector<Action>&) { file_vanished(state, event.link); }

void Engine::Impl::file(const CommandReceived& event, std::vector<Action>& log) {
    if (!observed) {
        early_commands.push_back(event);
        return;
    }
    CommandContext context = command_context(log);
    CommandReply reply = carry_out(event.command, context);
    const auto* control = std::get_if<ControlDhcp>(&event.command);
    if (reply.error != CommandError::none) {
        log.push_back(Reply{event.request, std::move(reply)});
    } else if (control && control->wait && control->verb != DhcpVerb::drop) {
        dhcp.await(Reply{event.request, std::move(reply)}, *control, state);
    } else {
        reconciler.await_kernel(Reply{event.request, std::move(reply)}, event.command, state);
    }
}

void Engine::Impl::file(const KernelApplied& event, std::vector<Action>& log) {
    undo_refused_moves(state, event, log);
    undo_refused_namespaces(state, event, log);
    CommandContext context = command_context(log);
    undo_failed_detach(reconciler.applied(event, kernel, log), context);
    forget_refused_wishes(state, event);
}

void Engine::Impl::file(const PeersFound& event, std::vector<Action>& log) {
    if (observed) probing.take(state, addresses, config, event, now, log);
}

void Engine::Impl::file(const AddressClaimed& event, std::vector<Action>& log) {
    if (observed) duplicates.file_claim(event, state, kernel, now, log);
}

void Engine::Impl::file(const ProbeAnswered& event, std::vector<Action>& log) {
    if (observed) probing.take(state, addresses, config, event, now, log);
}

void Engine::Impl::file(const ProbeNotSent& event, std::vector<Action>& log) {
    if (observed) probing.take(state, event, log);
}

void Engine::Impl::file(const Tick&, std::vector<Action>& log) {
    if (observed) probing.tick(state, config, now, log);
}

// Hundreds of NICs are probed a thousand times a second, thousands of addresses announced: what is about frames alone
// must cost no more than that.
bool Engine::Impl::concerns_frames_only(const Event& event) const {
    bool is_of_a_peer = std::holds_alternative<PeersFound>(event) || std::holds_alternative<PeerAnswered>(event);
    bool is_idle_tick = std::holds_alternative<Tick>(event) && (!others_due || *others_due > now);
    return observed && (is_of_a_probe(event) || is_of_a_peer || is_idle_tick);
}

void Engine::Impl::place() {
    GroupMembers members(state.interfaces, scope);
    for (auto& [name, group] : state.groups) {
        if (!scope.contains(name)) continue;
        for (Family which : kFamilies) {
            GroupFamily& family = group.families[index_of(which)];
            std::vector<IpAddress> up;
            for (const LogicalAddress& logical : family.addresses) {
                if (wants_binding(logical)) up.push_back(logical.address);
            }
            update_active(family, carriers(members.of(group), which, config));
            update_nominee(family);
            update_bindings(family, up, group.next_sequence);
            update_proxies(family, proxied_by(group, kernel, which), group.next_sequence);
            update_slots(family, now);
        }
    }
}

void Engine::Impl::publish(std::vector<Action>& actions) {
    DataplaneImage wanted = image_of(state, kernel, addresses, scope);
    for (auto& [name, group] : wanted) group.at_once = goes_at_once(state.groups.at(name), config);
    PublishImage news = replace(image, std::move(wanted), scope);
    if (!news.changed.empty() || !news.gone.empty()) actions.push_back(std::move(news));
}

std::optional<Instant> Engine::Impl::deadline() const {
    std::optional<Instant> earliest = probing.deadline();
    note_earlier(earliest, announcements.deadline());
    note_earlier(earliest, rebinds.deadline());
    note_earlier(earliest, others_due);
    return earliest;
}

std::optional<Instant> Engine::Impl::deadline_without_frames() const {
    std::optional<Instant> earliest;
    for (const auto& candidate : {rebinds.conclusion_due(), keep_alives.deadline(), dhcp.deadline(state),
                                  duplicates.deadline(), periodic_defence.deadline(), queries.deadline(),
                                  hygiene.deadline(), reconciler.deadline(kernel)}) note_earlier(earliest, candidate);
    for (const auto& [name, group] : state.groups) {
        for (const GroupFamily& family : group.families) note_earlier(earliest, family.give_back_due);
    }
    for (const auto& [name, interface] : state.interfaces) {
        if (interface.failed) note_earlier(earliest, interface.repair_due);
        note_earlier(earliest, interface.starting_until);
    }
    return earliest;
}

Engine::Engine(const Config& config, std::string host_id, State restored, RandomSource random)
    : impl_(std::make_unique<Impl>(random ? std::move(random) : spread_numbers(0))) {
    impl_->config = config;
    impl_->host_id = std::move(host_id);
    impl_->announcements.resume(restored);
    impl_->rebinds.resume(restored);
    impl_->decisions.resume(restored);
    impl_->queries.assume_asked(restored);
    impl_->newcomers.resume(restored);
    impl_->name_services.resume(restored);
    impl_->state = std::move(restored);
    impl_->before = impl_->state.interfaces;
}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Engine::Outcome Engine::decide(Instant now, const Event& event) { return impl_->decide(now, event); }
std::vector<Action> Engine::announce() { return impl_->announce(); }
Engine::Outcome Engine::conclude(const Event& event) { return impl_->conclude(event); }
Engine::Outcome Engine::step(Instant now, const Event& event) {
    Outcome decided = decide(now, event);
    if (!decided.unfinished) return decided;
    std::vector<Action> announced = announce();
    Outcome rest = conclude(event);
    for (std::vector<Action>* later : {&announced, &rest.actions})
        std::move(later->begin(), later->end(), std::back_inserter(decided.actions));
    rest.actions = std::move(decided.actions);
    return rest;
}

const State& Engine::state() const { return impl_->state; }
Status Engine::status() const {
    Status status = snapshot_of(impl_->state, impl_->kernel, impl_->addresses);
    if (!impl_->config.track_only_groups) describe_anonymous_group(impl_->state, status);
    impl_->probing.describe(impl_->state, status);
    impl_->rebinds.describe(impl_->state, status);
    describe_dhcp(impl_->state, status);
    impl_->decisions.describe(impl_->state, status);
    return status;
}
std::map<std::string, ProbeStatistics> Engine::probe_statistics() const {
    return impl_->probing.statistics(impl_->state);
}
const DataplaneImage& Engine::image() const { return impl_->image; }
bool Engine::converged() const { return impl_->observed && impl_->reconciler.converged(impl_->kernel); }

}  // namespace ipmp
