// All network namespaces as one, for the netlink thread: a NetlinkView of the host's, of the members' while there is
// something in it, and of each application's namespace that is wanted and there. Who speaks of links here speaks of
// their places as well (model/places).
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/result.hpp"
#include "model/kernel_op.hpp"
#include "model/kernel_state.hpp"
#include "model/places.hpp"
#include "shell/carried_routes.hpp"
#include "shell/filter_programs.hpp"
#include "shell/netlink_view.hpp"
#include "shell/network_places.hpp"

namespace ipmp {

class NetlinkViews {
  public:
    NetlinkViews(const FilterPrograms& programs, NetworkPlaces& places, int receive_buffer_bytes)
        : programs_(programs), places_(places), receive_buffer_bytes_(receive_buffer_bytes) {}

    // The host's, and the members' if a former daemon left something there.
    Result<void> open();
    Result<void> ensure_members();
    void drop_members_if_empty();
    // Opens those of `wanted` that are there, and lets go of all others, and of those whose name means another one now.
    // True if either happened.
    bool follow(const NamedPlaces& wanted);

    std::map<Place, NetlinkView>& all() { return views_; }
    bool manages_any() const;

    Result<void> apply(const KernelOp& op);
    Result<KernelState> read();

  private:
    Result<void> add(Place place);
    Result<void> open_application(const std::string& name, Place place);
    Result<void> move(const MoveLink& op);
    Result<void> restore_routes(const RestoreRoutes& op);
    Result<void> apply_across(const KernelOp& op, Place place, Place other_place);
    const LinkState* find(InterfaceIndex link) const;
    Result<NamespaceNumbers> read_numbers();

    const FilterPrograms& programs_;
    NetworkPlaces& places_;
    int receive_buffer_bytes_;
    std::map<Place, NetlinkView> views_;  // the host's always
    NamedPlaces applications_;            // those among them
    std::set<std::string> refused_;       // their names have been complained of
    CarriedRoutes carried_;
};

}  // namespace ipmp
