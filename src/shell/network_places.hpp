// The network namespaces we work in: the daemon's own, the members' (R-VIS-1), and those of applications.
//
// The members' namespace is pinned by a bind mount below /run/netns, so that it outlives the daemon, which must strand
// no NIC, and `ip netns exec` finds it. It is made when the first group is isolated and goes when nothing is left in
// it.
// A daemon whose mounts are its own (a service with PrivateMounts= and the like) pins for its own lifetime only.
//
// An application's is found by its name below /run/netns. It belongs to others: while we look into it, it lives, and so
// it must be dropped as soon as its name is gone or means another one.
//
// No thread of the daemon is ever inside another one: a socket belongs for good to the namespace it was made in, and so
// do the other things of shell/namespace_openings; the namespace helper opens them there. The netlink thread makes,
// opens and drops namespaces; all threads may open things in them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/ids.hpp"
#include "shell/namespace_helper.hpp"

namespace ipmp {

class NetworkPlaces {
  public:
    // `pin`: where the members' is, or will be; it is not made yet. `host_fd`: the host's; -1 = the caller's. Forks the
    // helper, so no thread may exist yet.
    static Result<NetworkPlaces> open(std::string pin, int host_fd = -1);
    NetworkPlaces(NetworkPlaces&& other) noexcept;
    NetworkPlaces& operator=(NetworkPlaces&&) = delete;

    // Finds, makes and pins it, and pins it anew if somebody has taken the pin away. Cheap if all is well.
    Result<void> ensure_members();
    // To be called when nothing is in it.
    void drop_members();

    // ENOENT: there is none of that name. EINVAL: it is none that an application can have for itself. Nothing to be
    // done if it is open.
    Result<void> open_application(const std::string& name, Place place);
    // It is open, and the name still means it.
    bool is_current(const std::string& name, Place place) const;
    void drop_application(Place place);
    // All that could be an application's, each with a number: where to look when nobody knows any more.
    NamedPlaces all_named() const;

    bool has(Place place) const { return static_cast<bool>(descriptor(place)); }
    UniqueFd descriptor(Place place) const;  // a duplicate; nothing if it is not there

    Result<UniqueFd> open_in(Place place, Opening what) const;

  private:
    struct Application {
        std::string path;
        UniqueFd fd;
    };

    NetworkPlaces(std::string pin, UniqueFd host, NamespaceHelper helper);

    std::string pin_;
    UniqueFd host_;
    bool host_is_own_ = true;  // of the caller of open()
    bool mounts_are_private_ = false;
    std::unique_ptr<NamespaceHelper> helper_;
    mutable std::mutex mutex_;  // guards what follows
    UniqueFd members_;
    std::map<Place, Application> applications_;
};

}  // namespace ipmp
