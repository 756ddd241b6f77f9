#include "core/placement.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace ipmp {

namespace {

// How much each active member carries, in order of activation, so that ties go to the longest active.
class Loads {
  public:
    explicit Loads(const std::vector<InterfaceIndex>& active) {
        for (InterfaceIndex member : active) loads_.push_back({member, 0});
    }

    bool empty() const { return loads_.empty(); }
    // False if it is not active.
    bool add(InterfaceIndex member, int change) {
        auto load = std::find_if(loads_.begin(), loads_.end(), [&](const Load& one) { return one.member == member; });
        if (load == loads_.end()) return false;
        load->count += change;
        return true;
    }
    InterfaceIndex least() const { return least_load().member; }
    InterfaceIndex most() const { return most_load().member; }
    int spread() const { return loads_.empty() ? 0 : most_load().count - least_load().count; }

  private:
    struct Load {
        InterfaceIndex member;
        int count = 0;
    };
    static bool fewer(const Load& a, const Load& b) { return a.count < b.count; }
    const Load& least_load() const { return *std::min_element(loads_.begin(), loads_.end(), fewer); }
    const Load& most_load() const { return *std::max_element(loads_.begin(), loads_.end(), fewer); }

    std::vector<Load> loads_;
};

void bind(Binding& binding, InterfaceIndex member, std::uint64_t& next_sequence, Loads& loads) {
    if (binding.member) loads.add(binding.member, -1);
    binding.member = member;
    binding.sequence = next_sequence++;
    loads.add(member, 1);
}

// Nearly always, and then there is nothing to look up.
bool are_bound_in_order(const std::vector<Binding>& bindings, const std::vector<IpAddress>& up) {
    return std::ranges::equal(bindings, up, {}, &Binding::address);
}

std::vector<IpAddress> sorted(std::vector<IpAddress> addresses) {
    std::sort(addresses.begin(), addresses.end());
    return addresses;
}

// Takes from who carries most what it was given last, until all carry the same but for one.
void level(std::vector<Binding>& bindings, std::uint64_t& next_sequence, Loads& loads) {
    if (loads.spread() <= 1) return;
    std::map<InterfaceIndex, std::vector<Binding*>> carried;  // by when it was bound, newest last
    for (Binding& binding : bindings) carried[binding.member].push_back(&binding);
    for (auto& [member, all] : carried) {
        std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->sequence < b->sequence; });
    }
    while (loads.spread() > 1) {
        std::vector<Binding*>& most = carried[loads.most()];
        IPMP_CHECK(!most.empty());
        Binding* moved = most.back();
        most.pop_back();
        bind(*moved, loads.least(), next_sequence, loads);
        carried[moved->member].push_back(moved);
    }
}

void drop_unwanted(std::vector<Binding>& bindings, const std::vector<IpAddress>& up) {
    std::vector<IpAddress> wanted = sorted(up);
    std::erase_if(bindings, [&](const Binding& binding) {
        return !std::binary_search(wanted.begin(), wanted.end(), binding.address);
    });
}

void add_new(std::vector<Binding>& bindings, const std::vector<IpAddress>& up, std::uint64_t& next_sequence,
             Loads& loads) {
    std::vector<IpAddress> known;
    for (const Binding& binding : bindings) known.push_back(binding.address);
    known = sorted(std::move(known));
    for (const IpAddress& address : up) {
        if (std::binary_search(known.begin(), known.end(), address)) continue;
        Binding& binding = bindings.emplace_back(Binding{address, {}, next_sequence});
        if (!loads.empty()) bind(binding, loads.least(), next_sequence, loads);
    }
}

// Nothing here may be quadratic in the number of addresses: this runs between a failure and its repair.
void deal_out(std::vector<Binding>& bindings, const std::vector<InterfaceIndex>& active,
              const std::vector<IpAddress>& up, std::uint64_t& next_sequence) {
    bool same = are_bound_in_order(bindings, up);
    if (!same) drop_unwanted(bindings, up);

    Loads loads(active);
    std::vector<Binding*> orphans;
    for (Binding& binding : bindings) {
        if (loads.add(binding.member, 1)) continue;
        binding.member = {};
        orphans.push_back(&binding);
    }
    if (!loads.empty()) {
        std::sort(orphans.begin(), orphans.end(), [](auto* a, auto* b) { return a->sequence > b->sequence; });
        for (Binding* orphan : orphans) bind(*orphan, loads.least(), next_sequence, loads);
    }
    if (!same) add_new(bindings, up, next_sequence, loads);
    level(bindings, next_sequence, loads);
}

}  // namespace

void update_active(GroupFamily& family, const std::vector<InterfaceIndex>& active_now) {
    auto is_active = [&](InterfaceIndex member) {
        return std::find(active_now.begin(), active_now.end(), member) != active_now.end();
    };
    std::erase_if(family.active, [&](InterfaceIndex member) { return !is_active(member); });
    for (InterfaceIndex member : active_now) {
        if (std::find(family.active.begin(), family.active.end(), member) == family.active.end()) {
            family.active.push_back(member);
        }
    }
}

void update_nominee(GroupFamily& family) {
    bool stays = std::find(family.active.begin(), family.active.end(), family.nominee) != family.active.end();
    if (!stays) family.nominee = family.active.empty() ? InterfaceIndex{} : family.active.front();
}

void update_bindings(GroupFamily& family, const std::vector<IpAddress>& up, std::uint64_t& next_sequence) {
    deal_out(family.bindings, family.active, up, next_sequence);
}

void update_proxies(GroupFamily& family, const std::vector<IpAddress>& proxied, std::uint64_t& next_sequence) {
    deal_out(family.proxies, family.active, proxied, next_sequence);
}

void update_slots(GroupFamily& family, Instant now) {
    Loads loads(family.active);
    std::vector<InterfaceIndex*> orphans;
    for (InterfaceIndex& slot : family.slots) {
        if (!loads.add(slot, 1)) orphans.push_back(&slot);
    }
    for (InterfaceIndex* orphan : orphans) {
        *orphan = loads.empty() ? InterfaceIndex{} : loads.least();
        loads.add(*orphan, 1);
    }

    if (loads.spread() <= 1) {
        family.give_back_due.reset();
        return;
    }
    if (!family.give_back_due) family.give_back_due = now;
    constexpr std::size_t step = (kSlotCount + kGiveBackSteps - 1) / kGiveBackSteps;  // enough for any number of NICs
    while (*family.give_back_due <= now && loads.spread() > 1) {
        for (std::size_t moved = 0; moved < step && loads.spread() > 1; ++moved) {
            InterfaceIndex from = loads.most();
            auto slot = std::find(family.slots.rbegin(), family.slots.rend(), from);
            *slot = loads.least();
            loads.add(from, -1);
            loads.add(*slot, 1);
        }
        *family.give_back_due += kGiveBackInterval;
    }
    if (loads.spread() <= 1) family.give_back_due.reset();
}

}  // namespace ipmp
