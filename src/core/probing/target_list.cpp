#include "core/probing/target_list.hpp"

#include <algorithm>

namespace ipmp {

namespace {

bool recovered(const Target& target, Instant now) {
    return !target.last_active || now - *target.last_active > TargetList::kRecovery;
}

}  // namespace

std::size_t TargetList::active_count() const {
    auto count = std::count_if(targets_.begin(), targets_.end(),
                               [](const Target& target) { return target.status == Target::Status::active; });
    return static_cast<std::size_t>(count);
}

Target* TargetList::find(const IpAddress& address) {
    auto found =
        std::find_if(targets_.begin(), targets_.end(), [&](auto& target) { return target.address == address; });
    return found == targets_.end() ? nullptr : &*found;
}

void TargetList::insert(const IpAddress& address, Target::Status status) {
    if (!targets_.empty()) ++next_;  // goes on with the one that would have been next
    targets_.insert(targets_.begin(), Target{.address = address, .status = status});
}

bool TargetList::add_router(const IpAddress& address) {
    if (!routers_) clear();
    routers_ = true;
    if (find(address)) return false;
    insert(address, active_count() < kMost ? Target::Status::active : Target::Status::unused);
    return true;
}

bool TargetList::add_host(const IpAddress& address) {
    if (routers_ || active_count() >= kMost || find(address)) return false;
    insert(address, Target::Status::active);
    return true;
}

std::vector<IpAddress> TargetList::keep_routers(const std::set<IpAddress>& offered, Instant now) {
    std::vector<IpAddress> gone;
    if (!routers_) return gone;
    for (const Target& target : targets_) {
        if (!offered.contains(target.address)) gone.push_back(target.address);
    }
    for (const IpAddress& address : gone) remove(address, now);
    return gone;
}

void TargetList::remove(const IpAddress& address, Instant now) {
    auto found =
        std::find_if(targets_.begin(), targets_.end(), [&](auto& target) { return target.address == address; });
    if (found == targets_.end()) return;
    auto place = static_cast<std::size_t>(found - targets_.begin());
    targets_.erase(found);
    if (place < next_) --next_;
    if (next_ >= targets_.size()) next_ = 0;
    if (targets_.empty()) routers_ = false;
    if (active_count() == 0) promote(now);
}

void TargetList::clear() {
    targets_.clear();
    next_ = 0;
    routers_ = false;
}

// Nobody is left: those that were set aside are better than none.
void TargetList::promote(Instant now) {
    auto rank = [&](const Target& target) {
        switch (target.status) {
            case Target::Status::unused: return 0;
            case Target::Status::slow: return recovered(target, now) ? 1 : 2;
            case Target::Status::dead: return 3;
            case Target::Status::active: break;
        }
        return 4;
    };
    for (int wanted = 0; wanted < 4; ++wanted) {
        for (Target& target : targets_) {
            if (active_count() >= kFewest) return;
            if (rank(target) == wanted) target.status = Target::Status::active;
        }
    }
}

bool TargetList::set_aside(const IpAddress& address, Target::Status status, Instant now) {
    Target* target = find(address);
    if (!target) return false;
    if (!routers_) {
        remove(address, now);
        return true;
    }
    target->status = status;
    target->round_trip = {};
    target->held_back.reset();
    // A dead one rests once, as slow (7.4); a slow one has begun to.
    target->last_active = status == Target::Status::slow ? std::optional(now) : std::nullopt;
    if (active_count() == 0) promote(now);
    return false;
}

bool TargetList::set_dead(const IpAddress& address, Instant now) {
    return set_aside(address, Target::Status::dead, now);
}
bool TargetList::set_slow(const IpAddress& address, Instant now) {
    return set_aside(address, Target::Status::slow, now);
}

std::optional<IpAddress> TargetList::next(Instant now) {
    for (std::size_t step = 0; step < targets_.size(); ++step) {
        Target& target = targets_[(next_ + step) % targets_.size()];
        if (target.status == Target::Status::slow && recovered(target, now)) {
            target.status = Target::Status::unused;
            continue;
        }
        if (target.status == Target::Status::dead) {
            target.status = Target::Status::slow;
            target.last_active = now;
            continue;
        }
        if (target.status == Target::Status::unused && active_count() < kMost) target.status = Target::Status::active;
        if (target.status != Target::Status::active) continue;
        next_ = (next_ + step + 1) % targets_.size();
        return target.address;
    }
    return {};
}

std::vector<IpAddress> TargetList::firing_order() const {
    std::vector<IpAddress> order;
    for (std::size_t step = 0; step < targets_.size(); ++step) {
        const Target& target = targets_[(next_ + step) % targets_.size()];
        if (target.status == Target::Status::active) order.push_back(target.address);
    }
    return order;
}

void TargetList::forget_round_trips() {
    for (Target& target : targets_) {
        target.round_trip = {};
        target.held_back.reset();
    }
}

}  // namespace ipmp
