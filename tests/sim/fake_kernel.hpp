// A kernel made of values: it owns the true KernelState and changes it the way Linux would.
//
// Two kinds of hands reach into it: the daemon's (apply) and everybody else's (the rest). It knows nothing of time,
// delays or faults; the world around it decides when a change happens and who learns of it, and how late.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/action.hpp"
#include "model/event.hpp"
#include "model/kernel_op.hpp"
#include "model/kernel_state.hpp"

namespace ipmp::sim {

class FakeKernel {
  public:
    // A NIC with a cable in it, down. `counted` carrier changes lie behind it.
    InterfaceIndex add_nic(const std::string& name, const MacAddress& mac, std::uint32_t counted = 0);
    void remove_link(InterfaceIndex link);  // and its peer
    void rename(InterfaceIndex link, const std::string& name);
    void plug(InterfaceIndex link, bool cable);
    void set_admin_up(InterfaceIndex link, bool up);
    void set_mtu(InterfaceIndex link, std::uint32_t mtu_bytes);
    void set_mac(InterfaceIndex link, const MacAddress& mac);
    void write_setting(InterfaceIndex link, const std::string& name, const std::string& value);
    void detach_filter(InterfaceIndex link);
    void add_address(const AddressState& address);
    void remove_address(InterfaceIndex link, const IpAddress& address, std::uint8_t prefix_length);
    bool expire(Instant now);  // addresses whose time is over; whether there were any
    void add_proxy(const std::string& link, const IpAddress& address);
    void add_neighbour(const NeighbourEntry& entry);
    void add_foreign_routes(InterfaceIndex link, std::uint32_t count);  // of other programs
    void set_other_sources(InterfaceIndex link, std::uint32_t count);   // routes with another source than wanted
    void nail_down(InterfaceIndex link, bool immovable);
    void double_filter(InterfaceIndex link, std::uint16_t in_front);  // a second one of ours, or one of others
    void set_gso(InterfaceIndex link, std::uint32_t bytes, std::uint32_t segments);
    // While links are slow their queues open only when they are let.
    void set_slow(bool slow) { slow_ = slow; }
    void let_start();
    void remove_proxies();
    void flush_rules();
    void flush_routes();
    // Routes of every IPMP interface point to these.
    void set_routers(const std::vector<IpAddress>& routers);

    // Applications' namespaces. One that is removed takes what is in it along, or lives on without a name (`in_use`).
    void add_namespace(const std::string& name);
    void remove_namespace(const std::string& name, bool in_use);
    // From now on the daemon looks into these, whenever they are there.
    void look_into(const NamedPlaces& named_places) { looked_into_ = named_places; }
    NamedPlaces dump_named_places() const;

    // Carries out one operation; 0 or an errno value.
    int apply(const KernelOp& op);
    // Filters attached so far are those of a former daemon from now on.
    void new_daemon();

    const KernelState& truth() const { return truth_; }
    // What a dump shows: settings of managed links only, filters as this daemon sees them, and nothing of namespaces
    // that it does not look into.
    std::map<InterfaceIndex, LinkState> dump_links(const std::vector<ManagedLink>& managed) const;
    std::vector<TargetRoute> dump_target_routes() const;
    InterfaceIndex find(const std::string& name) const;  // 0: none
    bool has_cable(InterfaceIndex link) const;

    std::uint64_t version() const { return version_; }  // counts changes
    // Carriers that changed since the last call, for the fast path.
    std::vector<CarrierChange> take_carrier_changes();

  private:
    LinkState* link(InterfaceIndex index);
    LinkState& make_link(const std::string& name, const MacAddress& mac, Place place = Place::host);
    void move(const MoveLink& op);
    std::optional<int> apply_rarity(const KernelOp& op);  // nothing: it is none
    void update_carrier(LinkState& link);
    void lose_addresses_of_down_link(const LinkState& link);
    int create_ipmp(const CreateIpmpLink& op);
    bool is_there(Place place) const;
    bool is_seen(Place place) const;
    void relocate(InterfaceIndex from, InterfaceIndex to);
    void changed() { ++version_; }

    KernelState truth_;
    std::set<std::string> namespaces_;
    NamedPlaces looked_into_, numbers_;  // the second also has those of former daemons
    std::vector<IpAddress> routers_;
    std::map<InterfaceIndex, bool> cable_;
    std::map<InterfaceIndex, std::uint32_t> filter_daemon_;  // which daemon attached
    std::uint32_t daemon_ = 1;
    std::uint32_t next_index_ = 2;
    std::uint64_t version_ = 0;
    std::vector<CarrierChange> carrier_changes_;
    bool slow_ = false;
    std::map<std::pair<InterfaceIndex, IpAddress>, Instant> ends_;  // of leased addresses
};

}  // namespace ipmp::sim
