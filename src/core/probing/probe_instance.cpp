#include "core/probing/probe_instance.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "core/network_time.hpp"

namespace ipmp {

namespace {

constexpr std::size_t kMostExtras = 64;

// Probes of all instances leave at common moments, this many an interval: hundreds of NICs cost a few turns of the loop
// then, not a thousand. Each turn begins with cold caches, which cost more than the probes. Any interval of whole
// milliseconds divides into them without a rest.
constexpr int kMoments = 16;

// How often a second target is looked for beside the only one. Each search is heard by the whole link.
constexpr Duration kSecondTargetSearch = std::chrono::seconds(1);

Duration uniform(const RandomSource& random, Duration least, Duration most, Duration unit) {
    auto span = static_cast<std::uint64_t>((most - least) / unit) + 1;
    return least + unit * static_cast<Duration::rep>(random() % span);
}

// All hosts of the link: 224.0.0.1, ff02::1.
IpAddress everybody(Family family) {
    return family == Family::ipv4 ? *parse_ip("224.0.0.1") : *parse_ip("ff02::1");
}

// What a probe took, if that is known. What it waited for the daemon, to be sent and to be read, measures the daemon,
// and the detection time would grow for minutes. The NIC's queue is part of it: a full one keeps every probe waiting.
std::optional<Duration> time_taken(const ProbeAnswered& answer, Instant started, Instant now) {
    return credible_network_time(answer.time_away, now - started);
}

}  // namespace

std::chrono::milliseconds user_interval(const Config& config) { return config.failure_detection_time / 7; }

void ProbeInstance::move_to(const ProbeSource& source) {
    source_ = source;
    running_ = false;
    plan();
}

void ProbeInstance::start(const ProbeContext& context) {
    if (running_) return;
    running_ = true;
    base_ = context.now + uniform(context.random, Duration::zero(), context.timing.interval, Duration(1));
    detection_base_ = next_send_ = base_;
    plan();
}

void ProbeInstance::stop() {
    running_ = false;
    forget_probes();
    plan();
}

void ProbeInstance::forget_probes() {
    history_.forget();
    extras_.clear();
    suspicion_.reset();
}

void ProbeInstance::end_suspicion() {
    suspicion_.reset();
    for (Extra& extra : extras_) extra.settled |= extra.kind == Extra::Kind::suspicion;  // counts for no later one
}

void ProbeInstance::extend_deadlines(Duration lost_time) {
    history_.extend_deadlines(lost_time);
    for (Extra& extra : extras_) {
        if (!extra.settled) extra.deadline += lost_time;
    }
    plan();
}

void ProbeInstance::run(const ProbeContext& context) {
    if (!running_) return;
    settle(context);
    if (targets_.empty() && !history_.empty()) forget_probes();  // of others than those to come (7.5)
    suspect(context);
    if (context.now >= next_send_) tick(context);
    plan();
}

void ProbeInstance::settle(const ProbeContext& context) {
    for (const ProbeRecord& lost : history_.settle(context.now)) {
        ++statistics_.lost;
        held_back_ = false;
        if (Target* target = targets_.find(lost.target)) target->answered = false;  // it may have another MAC now
        report(lost, {}, false, context);
    }
    for (Extra& extra : extras_) {
        if (extra.settled || extra.deadline > context.now) continue;
        extra.settled = true;
        if (extra.kind == Extra::Kind::suspicion && suspicion_) ++suspicion_->lost;
    }
    if (context.may_suspect) set_dead_targets_aside(context);
}

// Others answer, this one does not: the target is dead, not the path (6.8).
void ProbeInstance::set_dead_targets_aside(const ProbeContext& context) {
    if (history_.losses().length >= kLossesToFail) return;
    std::vector<IpAddress> dead;
    for (const Target& target : targets_.all()) {
        bool silent = history_.losses_of(target.address).length >= kLossesToFail;
        if (silent && target.status == Target::Status::active) dead.push_back(target.address);
    }
    for (const IpAddress& address : dead) {
        if (targets_.set_dead(address, context.now)) discover(context);
    }
}

void ProbeInstance::suspect(const ProbeContext& context) {
    bool suspicious = context.config.suspicion_probes && context.may_suspect && history_.losses().length >= 2;
    if (!suspicious || targets_.empty()) {
        if (suspicion_) end_suspicion();
        return;
    }
    if (!suspicion_) suspicion_ = Suspicion{.next = context.now};
    Duration spacing = Duration(context.timing.interval) / kSuspicionPerInterval;
    while (suspicion_->next <= context.now && suspicion_->sent < kSuspicionMost) {
        const auto& known = targets_.all();
        send_extra(Extra::Kind::suspicion, known[next_suspect_++ % known.size()].address, context);
        ++statistics_.suspicion;
        ++suspicion_->sent;
        suspicion_->next = std::max(suspicion_->next + spacing, context.now + spacing / 2);
    }
}

void ProbeInstance::tick(const ProbeContext& context) {
    Duration interval = user_interval(context.config), between_moments = interval / kMoments;
    base_ -= base_.time_since_epoch() % between_moments;
    next_send_ = base_ + uniform(context.random, interval / 2, interval, between_moments);
    if (context.now > next_send_) {  // the daemon was late: those are never sent, and never lost
        auto missed = (context.now - next_send_) / interval + 1;
        next_send_ += missed * interval;
        base_ += missed * interval;
        statistics_.missed += static_cast<std::uint64_t>(missed);
        ++statistics_.missed_occasions;
    }
    base_ += interval;
    if (!capable() && !targets_.next(context.now)) {
        detection_base_ = base_;
        discover(context);
        return;
    }
    Duration group_interval = context.timing.interval;
    bool stretched = group_interval >= 2 * interval;  // less would not fit into the ticks without being late
    if (stretched && next_send_ < detection_base_) {
        auto order = targets_.firing_order();
        if (!order.empty()) send_extra(Extra::Kind::measuring, order[next_measured_++ % order.size()], context);
        return;
    }
    detection_base_ = stretched ? std::max(detection_base_ + group_interval, base_) : base_;
    next_measured_ = 0;
    detect(context);
}

void ProbeInstance::detect(const ProbeContext& context) {
    auto address = targets_.next(context.now);
    if (!address) return discover(context);
    ProbeRecord probe{.id = context.next_id++,
                      .nonce = context.random(),
                      .target = *address,
                      .started = context.now,
                      .deadline = context.now + context.timing.interval};
    history_.add(probe);
    ++statistics_.sent;
    context.actions.push_back(
        SendProbe{source_, *address, probe.id, probe.nonce, targets_.find(*address)->answered});
    if (targets_.routers() || targets_.active_count() != 1 || context.now < next_search_) return;
    next_search_ = context.now + kSecondTargetSearch;
    discover(context);
}

void ProbeInstance::discover(const ProbeContext& context) {
    send_extra(Extra::Kind::discovery, everybody(family()), context);
}

void ProbeInstance::ask(const IpAddress& host, const ProbeContext& context) {
    send_extra(Extra::Kind::discovery, host, context);
}

void ProbeInstance::send_extra(Extra::Kind kind, const IpAddress& target, const ProbeContext& context) {
    Extra extra{.kind = kind,
                .nonce = context.random(),
                .target = target,
                .started = context.now,
                .deadline = context.now + context.timing.interval};
    if (extras_.size() == kMostExtras) {  // a verdict rests on those of a suspicion, and on nothing else here
        auto spare = std::find_if(extras_.begin(), extras_.end(), [](const Extra& known) {
            return known.settled || known.kind != Extra::Kind::suspicion;
        });
        IPMP_CHECK(spare != extras_.end());
        extras_.erase(spare);
    }
    extras_.push_back(extra);
    context.actions.push_back(SendProbe{source_, target, context.next_id, extra.nonce, false});
}

// 6.5: a sample that would raise the bound above the interval is held back until a second one says the same.
bool ProbeInstance::measure(Target& target, Duration sample, bool by_detection, const ProbeContext& context) {
    RttEstimator with = target.round_trip;
    with.add(sample);
    if (!by_detection) {
        if (with.bound() >= target.round_trip.bound()) return false;
        target.round_trip = with;
        return true;
    }
    if (with.bound() > context.timing.interval) {
        if (!target.held_back) {
            target.held_back = sample;
            return false;
        }
        target.round_trip.add(*target.held_back);
        target.round_trip.add(sample);
    } else {
        target.round_trip = with;
    }
    target.held_back.reset();
    return true;
}

std::optional<ProbeInstance::Taken> ProbeInstance::take_extra(const ProbeAnswered& answer, bool may_measure,
                                                              const ProbeContext& context) {
    auto found = std::find_if(extras_.begin(), extras_.end(), [&](auto& extra) { return extra.nonce == answer.nonce; });
    if (found == extras_.end()) return {};
    Extra extra = *found;
    Taken taken;
    if (extra.kind == Extra::Kind::discovery) {
        if (!extra.target.is_multicast() && answer.from != extra.target) return {};
        taken.discovered = answer.from;
        heard_ = true;
        return taken;
    }
    if (answer.from != extra.target) return {};
    extras_.erase(found);
    Target* target = targets_.find(extra.target);
    if (extra.kind == Extra::Kind::suspicion) {
        history_.forgive(extra.started, extra.target);
        end_suspicion();
        heard_ = true;
        return taken;
    }
    auto sample = time_taken(answer, extra.started, context.now);
    if (target && may_measure && sample && measure(*target, *sample, false, context)) taken.measured = extra.target;
    return taken;
}

ProbeInstance::Taken ProbeInstance::take(const ProbeAnswered& answer, bool may_measure, const ProbeContext& context) {
    Taken taken = take_answer(answer, may_measure, context);
    plan();
    return taken;
}

ProbeInstance::Taken ProbeInstance::take_answer(const ProbeAnswered& answer, bool may_measure,
                                                const ProbeContext& context) {
    if (!running_) return {};
    if (auto taken = take_extra(answer, may_measure, context)) return *taken;
    ProbeRecord* probe = history_.find(answer.nonce);
    bool fits = probe && probe->target == answer.from && probe->status != ProbeRecord::Status::answered;
    if (!fits) {
        ++statistics_.unknown;
        return {};
    }
    Taken taken{.detection = true};
    auto sample = time_taken(answer, probe->started, context.now);
    bool usable = may_measure && sample &&
                  *sample <= context.timing.interval * static_cast<int>(ProbeHistory::kRemembered);
    Target* target = targets_.find(probe->target);
    if (target) target->answered = true;
    if (target && usable && !history_.newer_answered(*probe) && measure(*target, *sample, true, context)) {
        taken.measured = probe->target;
    }
    bool was_lost = std::exchange(probe->status, ProbeRecord::Status::answered) == ProbeRecord::Status::lost;
    probe->settled = context.now;
    held_back_ = false;
    ++statistics_.answered;
    statistics_.round_trip.add(context.now - probe->started);
    if (was_lost) {
        --statistics_.lost;
        ++statistics_.late;
    }
    report(*probe, answer.network_time, was_lost, context);
    heard_ = true;
    return taken;
}

bool ProbeInstance::take_back(std::uint64_t nonce) {
    bool is_detection = history_.remove(nonce);
    auto extra = std::find_if(extras_.begin(), extras_.end(), [&](auto& one) { return one.nonce == nonce; });
    bool is_extra = extra != extras_.end() && !extra->settled;
    if (!is_detection && !is_extra) return false;
    if (is_detection) {
        --statistics_.sent;
        ++statistics_.missed;
        ++statistics_.missed_occasions;
    } else {
        bool suspicious = extra->kind == Extra::Kind::suspicion;
        if (suspicious) --statistics_.suspicion;
        if (suspicious && suspicion_) --suspicion_->sent;  // another goes with what is due next
        extras_.erase(extra);
    }
    held_back_ = true;
    plan();
    return true;
}

void ProbeInstance::report(const ProbeRecord& probe, const std::optional<Duration>& network_time, bool late,
                           const ProbeContext& context) {
    ProbeReport told{.interface = interface_, .id = probe.id, .target = probe.target, .started = probe.started};
    told.answered = probe.status == ProbeRecord::Status::answered;
    told.late = late;
    if (told.answered) {
        told.round_trip_time = context.now - probe.started;
        told.network_time = credible_network_time(network_time, *told.round_trip_time);
    }
    if (const Target* target = targets_.find(probe.target)) {
        told.average = target->round_trip.average();
        told.deviation = target->round_trip.deviation();
    }
    context.actions.push_back(std::move(told));
}

bool ProbeInstance::fails(const Config& config) const {
    if (history_.losses().length < kLossesToFail) return false;
    return !config.suspicion_probes || (suspicion_ && suspicion_->lost >= kSuspicionLost);
}

std::optional<Instant> ProbeInstance::answers_since() const {
    ProbeHistory::Run run = history_.answers(failed_);
    if (run.length < kAnswersToRepair) {
        auto target = history_.newest_target();
        if (target) run = history_.answers_of(*target, failed_);
    }
    if (run.length < kAnswersToRepair) return {};
    return run.begin;
}

void ProbeInstance::plan() {
    due_.reset();
    if (!running_) return;
    Instant earliest = next_send_;
    if (auto deadline = history_.next_deadline()) earliest = std::min(earliest, *deadline);
    for (const Extra& extra : extras_) {
        if (!extra.settled && extra.kind == Extra::Kind::suspicion) earliest = std::min(earliest, extra.deadline);
    }
    if (suspicion_ && suspicion_->sent < kSuspicionMost) earliest = std::min(earliest, suspicion_->next);
    due_ = earliest;
}

}  // namespace ipmp
