#include "core/image.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/applications.hpp"
#include "core/predicates.hpp"
#include "core/roster.hpp"

namespace ipmp {

namespace {

Nic nic_of(const GroupImage& image, InterfaceIndex member) {
    auto found = image.members.find(member);
    return found == image.members.end() ? Nic{} : Nic{member, found->second};
}

// Nearly all slots belong to active members, which are few: a search in a row of them is several times as fast as one
// in a tree, and there may be ten thousands of slots.
void fill_slots(std::array<Nic, kSlotCount>& slots, const GroupFamily& source, const GroupImage& image) {
    std::vector<Nic> active;
    for (InterfaceIndex member : source.active) active.push_back(nic_of(image, member));
    for (std::size_t slot = 0; slot < kSlotCount; ++slot) {
        auto owner = std::ranges::find(active, source.slots[slot], &Nic::index);
        slots[slot] = owner == active.end() ? nic_of(image, source.slots[slot]) : *owner;
    }
}

GroupImage group_image(const GroupMembers& members, const KernelState& kernel, const AddressIndex& seen,
                       const Group& group) {
    GroupImage image;
    image.upper = group.upper;
    image.lower = group.lower;
    image.policy = group.policy;
    image.forwards = group.forwards;
    auto upper = kernel.links.find(group.upper);
    image.upper_mac = upper == kernel.links.end() ? group.mac : upper->second.mac;
    for (const Interface* member : members.of(group)) {
        if (member->index && member->index.place == group.lower.place) image.members[member->index] = member->mac;
    }
    for (std::size_t family = 0; family < kFamilies.size(); ++family) {
        const GroupFamily& source = group.families[family];
        image.nominee[family] = nic_of(image, source.nominee);
        fill_slots(image.slots[family], source, image);
        for (const Binding& binding : source.bindings) {  // mostly in the order of addresses: each belongs to the end
            image.addresses.insert_or_assign(image.addresses.end(), binding.address,
                                             AddressImage{AddressKind::data, nic_of(image, binding.member)});
        }
    }
    for (const GroupFamily& family : group.families) {
        for (const Binding& proxy : family.proxies) {
            image.addresses.try_emplace(proxy.address,
                                        AddressImage{AddressKind::data, nic_of(image, proxy.member)});
        }
    }
    for (const auto& [member, mac] : image.members) {
        for (const AddressState* own : seen.on(member)) {
            image.addresses.try_emplace(own->address, AddressImage{AddressKind::own, Nic{member, mac}});
        }
    }
    return image;
}

}  // namespace

DataplaneImage image_of(const State& state, const KernelState& kernel, const AddressIndex& seen, const Scope& scope) {
    GroupMembers members(state.interfaces, scope);
    DataplaneImage image;
    for (const auto& [name, group] : state.groups) {
        if (!scope.contains(name)) continue;
        bool is_pair = kernel.links.contains(group.upper) && kernel.links.contains(group.lower);
        if (is_pair || is_out_of_sight(kernel, group)) image[name] = group_image(members, kernel, seen, group);
    }
    return image;
}

PublishImage replace(DataplaneImage& image, DataplaneImage&& wanted, const Scope& scope) {
    PublishImage news;
    for (const auto& [name, former] : image) {
        if (scope.contains(name) && !wanted.contains(name)) news.gone.push_back(name);
    }
    for (const std::string& name : news.gone) image.erase(name);
    for (auto& [name, group] : wanted) {
        auto [former, is_new] = image.try_emplace(name);
        if (!is_new && former->second == group) continue;
        former->second = std::move(group);
        news.changed.emplace(name, former->second);
    }
    return news;
}

const DataplaneImage& announceable(const State& state, const DataplaneImage& image, DataplaneImage& changed) {
    const DataplaneImage* result = &image;
    for (const auto& [name, group] : image) {
        for (const IpAddress& address : in_question(state.groups.at(name))) {
            auto entry = group.addresses.find(address);
            if (entry == group.addresses.end() || entry->second.kind != AddressKind::data) continue;
            if (std::exchange(result, &changed) == &image) changed = image;
            changed.at(name).addresses.at(address).nic = {};
        }
    }
    return *result;
}

}  // namespace ipmp
