#include "shell/network_places.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <filesystem>

#include "base/check.hpp"
#include "shell/log.hpp"

namespace ipmp {

namespace {

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";
const std::filesystem::path kNames = "/run/netns";  // where `ip netns` keeps them

UniqueFd duplicate(const UniqueFd& fd) { return UniqueFd(fd ? ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0) : -1); }

UniqueFd open_namespace(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct statfs system {};
    bool is_one = fd && ::fstatfs(fd.get(), &system) == 0 && system.f_type == NSFS_MAGIC &&
                  ::ioctl(fd.get(), NS_GET_NSTYPE) == CLONE_NEWNET;
    return is_one ? std::move(fd) : UniqueFd();
}

bool is_same_file(const UniqueFd& fd, const std::string& path) {
    struct stat one {}, other {};
    return ::fstat(fd.get(), &one) == 0 && ::stat(path.c_str(), &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

// Not those of the system: what is mounted ends with the last process that has them.
bool mounts_are_private() {
    struct stat own {}, of_all {};
    return ::stat("/proc/thread-self/ns/mnt", &own) == 0 && ::stat("/proc/1/ns/mnt", &of_all) == 0 &&
           own.st_ino != of_all.st_ino;
}

// `source`: a link of /proc to the namespace.
Result<void> pin(const std::string& source, const std::string& path) {
    std::error_code ignored;  // what is missing then is told by the next step
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444));
    if (!file) return system_error("making " + path);
    if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) < 0) return system_error("mounting " + path);
    return {};
}

}  // namespace

Result<NamespaceVisit> NamespaceVisit::enter(int namespace_fd) {
    UniqueFd home(::open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
    if (!home) return system_error("opening this thread's network namespace");
    if (::setns(namespace_fd, CLONE_NEWNET) < 0) return system_error("entering a network namespace");
    return NamespaceVisit(std::move(home));
}

NamespaceVisit::~NamespaceVisit() {
    if (!home_) return;  // moved from
    IPMP_CHECK(::setns(home_.get(), CLONE_NEWNET) == 0);  // to go on in the wrong one would be worse than to end
}

Result<NetworkPlaces> NetworkPlaces::open(std::string pin, int host_fd) {
    UniqueFd host(host_fd < 0 ? ::open(kOwnNamespace, O_RDONLY | O_CLOEXEC) : ::fcntl(host_fd, F_DUPFD_CLOEXEC, 0));
    if (!host) return system_error("opening the network namespace");
    NetworkPlaces places(std::move(pin), std::move(host));
    places.members_ = open_namespace(places.pin_);
    // A daemon that was killed in between may have left the file without the mount.
    if (!places.members_) static_cast<void>(::unlink(places.pin_.c_str()));
    if (places.members_ && is_same_file(places.host_, places.pin_)) places.members_.reset();  // not ours, then
    return places;
}

NetworkPlaces::NetworkPlaces(NetworkPlaces&& other) noexcept
    : pin_(std::move(other.pin_)),
      host_(std::move(other.host_)),
      members_(std::move(other.members_)),
      applications_(std::move(other.applications_)) {}

// To enter the namespace one is in takes a privilege, too.
Result<void> NetworkPlaces::settle() const {
    if (is_same_file(host_, kOwnNamespace)) return {};
    if (::setns(host_.get(), CLONE_NEWNET) < 0) return system_error("entering the network namespace");
    return {};
}

UniqueFd NetworkPlaces::descriptor(Place place) const {
    if (place == Place::host) return duplicate(host_);
    std::lock_guard lock(mutex_);
    if (place == Place::members) return duplicate(members_);
    auto found = applications_.find(place);
    return found == applications_.end() ? UniqueFd() : duplicate(found->second.fd);
}

Result<std::optional<NamespaceVisit>> NetworkPlaces::enter(Place place) const {
    if (place == Place::host) return std::optional<NamespaceVisit>();
    UniqueFd fd = descriptor(place);
    if (!fd) return Error{"that network namespace is not there", ENOENT};
    auto visit = NamespaceVisit::enter(fd.get());
    if (!visit) return visit.error();
    return std::optional<NamespaceVisit>(*std::move(visit));
}

// By leaving our own for a moment: a new one can only be made by moving into it.
Result<UniqueFd> NetworkPlaces::make_pinned() const {
    auto visit = NamespaceVisit::enter(host_.get());
    if (!visit) return visit.error();
    if (::unshare(CLONE_NEWNET) < 0) return system_error("making a network namespace");
    if (auto pinned = pin(kOwnNamespace, pin_); !pinned) return pinned.error();
    return open_namespace(pin_);
}

Result<void> NetworkPlaces::ensure_members() {
    UniqueFd present = descriptor(Place::members);
    if (present) {
        if (is_same_file(present, pin_)) return {};
        auto pinned = pin("/proc/thread-self/fd/" + std::to_string(present.get()), pin_);
        if (!pinned) return pinned.error().within("pinning the network namespace of isolated groups");
        log_error("somebody took " + pin_ + " away, the network namespace of isolated groups: it is there again");
        return {};
    }
    if (mounts_are_private())
        log_error("the mounts of this daemon are its own: " + pin_ + ", the network namespace of isolated groups, ends "
                  "with it");
    auto made = make_pinned();
    if (!made) return made.error().within("making the network namespace of isolated groups");
    std::lock_guard lock(mutex_);
    members_ = *std::move(made);
    return {};
}

void NetworkPlaces::drop_members() {
    std::lock_guard lock(mutex_);
    members_.reset();
    if (::umount2(pin_.c_str(), MNT_DETACH) < 0 || ::unlink(pin_.c_str()) < 0)
        log_error(system_error("removing " + pin_).text + ", ignoring: it is empty");
}

// One that is seen twice would have everything in it twice.
Result<void> NetworkPlaces::open_application(const std::string& name, Place place) {
    std::string path = kNames / name;
    UniqueFd present = descriptor(place);
    if (present && is_same_file(present, path)) return {};
    UniqueFd fd = open_namespace(path);
    if (!fd && errno == ENOENT) return Error{"there is no such network namespace", ENOENT};
    if (!fd) return Error{path + " is no network namespace", EINVAL};
    UniqueFd members = descriptor(Place::members);
    bool is_ours = is_same_file(host_, path) || path == pin_ || (members && is_same_file(members, path));
    if (is_ours) return Error{path + " is a network namespace of IPMP itself", EINVAL};
    std::lock_guard lock(mutex_);
    for (const auto& [other, application] : applications_) {
        if (is_same_file(application.fd, path))
            return Error{path + " is the same network namespace as " + application.path, EINVAL};
    }
    applications_[place] = {std::move(path), std::move(fd)};
    return {};
}

bool NetworkPlaces::is_current(const std::string& name, Place place) const {
    std::string path = kNames / name;
    std::lock_guard lock(mutex_);
    auto found = applications_.find(place);
    return found != applications_.end() && found->second.path == path && is_same_file(found->second.fd, path);
}

void NetworkPlaces::drop_application(Place place) {
    std::lock_guard lock(mutex_);
    applications_.erase(place);
}

NamedPlaces NetworkPlaces::all_named() const {
    NamedPlaces all;
    std::error_code ignored;  // no directory, no names
    for (const auto& entry : std::filesystem::directory_iterator(kNames, ignored)) {
        auto number = static_cast<std::uint32_t>(Place::first_application) + static_cast<std::uint32_t>(all.size());
        if (number < kMostPlaces && entry.path() != pin_) all[entry.path().filename()] = Place{number};
    }
    return all;
}

}  // namespace ipmp
