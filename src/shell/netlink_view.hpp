// What the netlink thread has of one network namespace: a monitor for hints, a socket for changes and dumps, its
// settings, and the last picture. Here nobody knows of other namespaces: indices carry no place, and the thread joins
// the views (model/places).
#pragma once

#include "base/result.hpp"
#include "model/action.hpp"
#include "shell/netlink_apply.hpp"
#include "shell/netlink_monitor.hpp"
#include "shell/netlink_sources.hpp"
#include "shell/netlink_state.hpp"
#include "shell/network_places.hpp"

namespace ipmp {

class NetlinkView {
  public:
    static Result<NetlinkView> open(const NetworkPlaces& places, Place place, int receive_buffer_bytes);

    int fd() const { return monitor_.fd(); }  // readable while hints wait
    NetlinkMonitor::Hints take_hints();  // links with their place
    const KernelState& known() const { return known_; }
    NetlinkSocket& socket() { return socket_; }
    const NamespaceFiles& files() const { return files_; }

    // Those of `links` that are here.
    void manage(const std::vector<ManagedLink>& links);
    bool manages_any() const { return !managed_.empty(); }
    void look_everywhere() { every_link_ = true; }  // for filters, at the next read
    // Reads everything and remembers it. EINTR: try again.
    Result<KernelState> read(const FilterPrograms& programs);
    // The last read has made another one worth while: what the kernel refused may be possible now.
    bool must_read_again() const { return read_again_; }
    // Something that changes without a notification has changed. Looks at what is managed only.
    bool has_silent_change();

    Result<void> apply(const FilterPrograms& programs, const KernelOp& op, const OtherNamespace& other);
    bool has_links();  // but those that every namespace has; also if that cannot be found out

  private:
    NetlinkView(Place place, NetlinkMonitor monitor, NetlinkSocket socket, NamespaceFiles files)
        : place_(place), monitor_(std::move(monitor)), socket_(std::move(socket)), files_(std::move(files)) {}
    void watch_routes();
    FilterScope scope() const { return {known_, every_link_, is_application(place_)}; }

    Place place_;
    NetlinkMonitor monitor_;
    NetlinkSocket socket_;
    NamespaceFiles files_;
    ManagedLinks managed_;
    RouteSources route_sources_;
    KernelState known_;
    RefusedRoutes refused_;
    bool every_link_ = true;
    bool read_again_ = false;
};

}  // namespace ipmp
