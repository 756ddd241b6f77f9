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
// A socket belongs for good to the namespace it was made in, so a thread is inside another one only while it makes
// sockets, looks up names and reads settings. The netlink thread makes, opens and drops namespaces; all threads may
// enter.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/ids.hpp"

namespace ipmp {

// This thread is in another network namespace while one of these lives.
class NamespaceVisit {
  public:
    static Result<NamespaceVisit> enter(int namespace_fd);
    NamespaceVisit(NamespaceVisit&&) noexcept = default;
    NamespaceVisit& operator=(NamespaceVisit&&) = delete;
    ~NamespaceVisit();

  private:
    explicit NamespaceVisit(UniqueFd home) : home_(std::move(home)) {}
    UniqueFd home_;
};

class NetworkPlaces {
  public:
    // `pin`: where the members' is, or will be; it is not made yet. `host_fd`: the host's; -1 = the caller's.
    static Result<NetworkPlaces> open(std::string pin, int host_fd = -1);
    NetworkPlaces(NetworkPlaces&& other) noexcept;
    NetworkPlaces& operator=(NetworkPlaces&&) = delete;

    // Takes this thread to the host's namespace, for good.
    Result<void> settle() const;

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

    // What `work()`, which returns a Result, gives inside; for the host's: where the thread is.
    template <typename Work>
    auto inside(Place place, Work work) const -> decltype(work()) {
        auto visit = enter(place);
        if (!visit) return visit.error();
        return work();
    }
    // Nothing to end for the host's.
    Result<std::optional<NamespaceVisit>> enter(Place place) const;

  private:
    struct Application {
        std::string path;
        UniqueFd fd;
    };

    NetworkPlaces(std::string pin, UniqueFd host) : pin_(std::move(pin)), host_(std::move(host)) {}
    Result<UniqueFd> make_pinned() const;

    std::string pin_;
    UniqueFd host_;
    mutable std::mutex mutex_;  // guards what follows
    UniqueFd members_;
    std::map<Place, Application> applications_;
};

}  // namespace ipmp
