#include "core/probing/probe_history.hpp"

#include <algorithm>
#include <utility>

#include "core/series.hpp"

namespace ipmp {

void ProbeHistory::add(ProbeRecord probe) {
    if (probes_.size() == kRemembered) probes_.pop_front();
    probes_.push_back(probe);
}

ProbeRecord* ProbeHistory::find(std::uint64_t nonce) {
    auto found = std::find_if(probes_.begin(), probes_.end(), [&](auto& probe) { return probe.nonce == nonce; });
    return found == probes_.end() ? nullptr : &*found;
}

bool ProbeHistory::remove(std::uint64_t nonce) {
    auto is_it = [&](auto& probe) { return probe.nonce == nonce && probe.status == ProbeRecord::Status::open; };
    return std::erase_if(probes_, is_it) > 0;
}

std::vector<ProbeRecord> ProbeHistory::settle(Instant now) {
    std::vector<ProbeRecord> lost;
    for (ProbeRecord& probe : probes_) {
        if (probe.status != ProbeRecord::Status::open || probe.deadline > now) continue;
        probe.status = ProbeRecord::Status::lost;
        probe.settled = probe.deadline;
        lost.push_back(probe);
    }
    return lost;
}

void ProbeHistory::extend_deadlines(Duration lost_time) {
    for (ProbeRecord& probe : probes_) {
        if (probe.status == ProbeRecord::Status::open) probe.deadline += lost_time;
    }
}

void ProbeHistory::forgive(Instant sent, const IpAddress& target) {
    for (ProbeRecord& probe : probes_) {
        if (probe.started > sent) break;  // what happened to these, that answer does not tell
        probe.forgiven = true;
        probe.target_forgiven |= probe.target == target;
    }
}

ProbeHistory::Run ProbeHistory::run(ProbeRecord::Status status, const IpAddress* target, Instant sent_since) const {
    Run run;
    for (auto probe = probes_.rbegin(); probe != probes_.rend(); ++probe) {
        if (probe->started < sent_since) break;
        if (target && probe->target != *target) continue;
        if (target && status == ProbeRecord::Status::lost && probe->target_forgiven) break;
        if (probe->status == ProbeRecord::Status::open) continue;
        if (probe->status != status) break;
        ++run.length;
        run.begin = probe->settled;
        run.sent = probe->started;
    }
    return run;
}

ProbeHistory::Run ProbeHistory::losses() const {
    Run run;
    for (auto probe = probes_.rbegin(); probe != probes_.rend(); ++probe) {
        if (probe->forgiven) break;
        if (probe->status == ProbeRecord::Status::open) continue;
        if (probe->status != ProbeRecord::Status::lost) break;
        ++run.length;
        run.begin = probe->settled;
        run.sent = probe->started;
    }
    return run;
}

ProbeHistory::Run ProbeHistory::losses_of(const IpAddress& target) const {
    return run(ProbeRecord::Status::lost, &target, {});
}

ProbeHistory::Run ProbeHistory::answers(Instant sent_since) const {
    return run(ProbeRecord::Status::answered, nullptr, sent_since);
}

ProbeHistory::Run ProbeHistory::answers_of(const IpAddress& target, Instant sent_since) const {
    return run(ProbeRecord::Status::answered, &target, sent_since);
}

std::optional<Instant> ProbeHistory::newest_answer() const {
    for (auto probe = probes_.rbegin(); probe != probes_.rend(); ++probe) {
        if (probe->status == ProbeRecord::Status::answered) return probe->settled;
    }
    return {};
}

std::optional<IpAddress> ProbeHistory::newest_target() const {
    if (probes_.empty()) return {};
    return probes_.back().target;
}

bool ProbeHistory::newer_answered(const ProbeRecord& probe) const {
    for (auto other = probes_.rbegin(); other != probes_.rend() && other->nonce != probe.nonce; ++other) {
        if (other->target == probe.target && other->status == ProbeRecord::Status::answered) return true;
    }
    return false;
}

std::optional<Instant> ProbeHistory::next_deadline() const {
    std::optional<Instant> earliest;
    for (const ProbeRecord& probe : probes_) {
        if (probe.status == ProbeRecord::Status::open) note_earlier(earliest, probe.deadline);
    }
    return earliest;
}

}  // namespace ipmp
