#include "model/status.hpp"

#include <algorithm>
#include <type_traits>

namespace ipmp {

Status only(const Status& status, const std::vector<StatusList>& wanted) {
    auto& [groups, interfaces, addresses, targets, plumbed, proxies, dhcp, decisions] = status;
    auto kept = [&](StatusList which, const auto& list) {
        bool is_wanted = std::find(wanted.begin(), wanted.end(), which) != wanted.end();
        return is_wanted ? list : std::decay_t<decltype(list)>{};
    };
    return {.groups = kept(StatusList::groups, groups),
            .interfaces = kept(StatusList::interfaces, interfaces),
            .addresses = kept(StatusList::addresses, addresses),
            .targets = kept(StatusList::targets, targets),
            .plumbed = kept(StatusList::plumbed, plumbed),
            .proxies = kept(StatusList::proxies, proxies),
            .dhcp = kept(StatusList::dhcp, dhcp),
            .decisions = kept(StatusList::decisions, decisions)};
}

}  // namespace ipmp
