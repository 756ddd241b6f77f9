#include "model/status_news.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace ipmp {

namespace {

// What makes one object of a list the same object later.
const std::string& key_of(const GroupStatus& group) { return group.interface; }
const std::string& key_of(const InterfaceStatus& interface) { return interface.name; }
const std::string& key_of(const PlumbedInterface& interface) { return interface.name; }
std::pair<std::string, IpAddress> key_of(const AddressStatus& address) { return {address.group, address.address}; }
std::pair<std::string, IpAddress> key_of(const ProxyStatus& proxy) { return {proxy.group, proxy.address}; }
std::pair<std::string, std::optional<Family>> key_of(const TargetStatus& row) {
    auto family = row.test_address ? std::optional(row.test_address->family) : std::nullopt;
    return {row.interface, family};
}

std::tuple<std::string, std::uint32_t, Family> key_of(const DhcpStatus& client) {
    return {client.interface, client.number, client.family};
}

std::uint64_t key_of(const Decision& decision) { return decision.sequence; }

template <class T>
bool same(const T& left, const T& right) {
    return left == right;
}
template <>
bool same(const TargetStatus& left, const TargetStatus& right) {
    auto sorted = [](TargetStatus row) {
        std::sort(row.targets.begin(), row.targets.end());
        return row;
    };
    return sorted(left) == sorted(right);
}

template <class T>
auto by_key(const std::vector<T>& list) {
    std::map<std::decay_t<decltype(key_of(list.front()))>, const T*> map;
    for (const T& element : list) map.emplace(key_of(element), &element);
    return map;
}

template <class T>
void compare(const std::vector<T>& before, const std::vector<T>& after, std::vector<T>& present, std::vector<T>& gone) {
    auto old = by_key(before);
    for (const T& element : after) {
        auto found = old.find(key_of(element));
        if (found == old.end() || !same(*found->second, element)) present.push_back(element);
        if (found != old.end()) old.erase(found);
    }
    for (const T& element : before) {
        auto found = old.find(key_of(element));
        if (found != old.end() && found->second == &element) gone.push_back(element);
    }
}

template <class T>
void apply(std::vector<T>& list, const std::vector<T>& present, const std::vector<T>& gone) {
    auto place_of = [&](const T& element) {
        return std::find_if(list.begin(), list.end(), [&](const T& o) { return key_of(o) == key_of(element); });
    };
    for (const T& element : gone) {
        if (auto found = place_of(element); found != list.end()) list.erase(found);
    }
    for (const T& element : present) {
        auto found = place_of(element);
        if (found == list.end()) {
            list.push_back(element);
        } else {
            *found = element;
        }
    }
}

}  // namespace

StatusNews news_between(const Status& before, const Status& after) {
    StatusNews news;
    compare(before.groups, after.groups, news.present.groups, news.gone.groups);
    compare(before.interfaces, after.interfaces, news.present.interfaces, news.gone.interfaces);
    compare(before.addresses, after.addresses, news.present.addresses, news.gone.addresses);
    compare(before.targets, after.targets, news.present.targets, news.gone.targets);
    compare(before.plumbed, after.plumbed, news.present.plumbed, news.gone.plumbed);
    compare(before.proxies, after.proxies, news.present.proxies, news.gone.proxies);
    compare(before.dhcp, after.dhcp, news.present.dhcp, news.gone.dhcp);
    compare(before.decisions, after.decisions, news.present.decisions, news.gone.decisions);
    return news;
}

void apply(Status& status, const StatusNews& news) {
    if (news.whole) {
        status = news.present;
        return;
    }
    apply(status.groups, news.present.groups, news.gone.groups);
    apply(status.interfaces, news.present.interfaces, news.gone.interfaces);
    apply(status.addresses, news.present.addresses, news.gone.addresses);
    apply(status.targets, news.present.targets, news.gone.targets);
    apply(status.plumbed, news.present.plumbed, news.gone.plumbed);
    apply(status.proxies, news.present.proxies, news.gone.proxies);
    apply(status.dhcp, news.present.dhcp, news.gone.dhcp);
    apply(status.decisions, news.present.decisions, news.gone.decisions);
}

}  // namespace ipmp
