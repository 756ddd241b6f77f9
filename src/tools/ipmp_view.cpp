#include "tools/ipmp_view.hpp"

#include "model/interface_flags.hpp"
#include "model/paths.hpp"
#include "tools/daemon_client.hpp"
#include "tools/kernel_interfaces.hpp"
#include "tools/status_lookup.hpp"

namespace ipmp {

Result<IpmpView> IpmpView::read() {
    IpmpView view;
    auto client = DaemonClient::connect(Paths::from_environment());
    if (client) {
        auto status = client->status();
        if (!status) return status.error();
        view.status_ = *std::move(status);
        return view;
    }
    auto interfaces = kernel_interfaces();
    if (!interfaces) return interfaces.error();
    view.status_.plumbed = *std::move(interfaces);
    return view;
}

std::string IpmpView::group_of(const std::string& interface) const {
    return group_of_member(status_, interface);
}

std::string IpmpView::seen_as(const std::string& interface) const {
    std::string group = group_of(interface);
    return group.empty() ? interface : group;
}

const PlumbedInterface* IpmpView::plumbed(const std::string& name) const {
    return plumbed_called(status_, name);
}

OwnAddress IpmpView::describe(const PlumbedInterface& interface, const LogicalStatus& logical) const {
    OwnAddress own{.address = logical.address, .interface = interface.name, .member = interface.name};
    bool is_member = !group_of(interface.name).empty();
    if (is_member && (logical.flags & flag::kNoFailover)) own.ownership = Ownership::test;
    if (logical.flags & flag::kIpmp) {
        own.ownership = Ownership::data;
        own.member.clear();
        for (const AddressStatus& address : status_.addresses) {
            bool same = address.address == logical.address && address.group == interface.name;
            if (same) own.member = address.inbound;
        }
    }
    if (const PlumbedInterface* nic = plumbed(own.member)) own.mac = nic->mac;
    return own;
}

std::optional<OwnAddress> IpmpView::find(const IpAddress& address) const {
    for (const PlumbedInterface& interface : status_.plumbed) {
        const std::optional<PlumbedFamily>& family = family_of(interface, address.family);
        if (!family) continue;
        for (const LogicalStatus& logical : family->logicals) {
            if (logical.address == address && !address.is_zero()) return describe(interface, logical);
        }
    }
    return {};
}

std::vector<OwnAddress> IpmpView::own_addresses(Family which) const {
    std::vector<OwnAddress> all;
    for (const PlumbedInterface& interface : status_.plumbed) {
        const std::optional<PlumbedFamily>& family = family_of(interface, which);
        if (!family) continue;
        for (const LogicalStatus& logical : family->logicals) {
            bool counts = (logical.flags & flag::kUp) && !logical.address.is_zero();
            if (counts) all.push_back(describe(interface, logical));
        }
    }
    return all;
}

std::optional<MacAddress> IpmpView::proxy_mac(const std::string& interface, const IpAddress& address) const {
    for (const ProxyStatus& proxy : status_.proxies) {
        if (proxy.group != interface || proxy.address != address) continue;
        const PlumbedInterface* nic = plumbed(proxy.inbound);
        return nic ? nic->mac : std::nullopt;
    }
    const PlumbedInterface* own = plumbed(interface);
    return own ? own->mac : std::nullopt;
}

std::vector<MacAddress> IpmpView::proxy_macs(const std::string& interface) const {
    std::vector<MacAddress> macs;
    for (const PlumbedInterface& nic : status_.plumbed) {
        bool serves = nic.name == interface || group_of(nic.name) == interface;
        if (serves && nic.mac) macs.push_back(*nic.mac);
    }
    return macs;
}

}  // namespace ipmp
