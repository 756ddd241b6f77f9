#include "shell/network_places.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <filesystem>

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

// Not those of the system: what is mounted ends with the last process that has them. Only the privileged may look.
bool mounts_are_private() {
    struct stat own {}, of_all {};
    return ::stat("/proc/thread-self/ns/mnt", &own) == 0 && ::stat("/proc/1/ns/mnt", &of_all) == 0 &&
           own.st_ino != of_all.st_ino;
}

}  // namespace

NetworkPlaces::NetworkPlaces(std::string pin, UniqueFd host, NamespaceHelper helper)
    : pin_(std::move(pin)),
      host_(std::move(host)),
      host_is_own_(is_same_file(host_, kOwnNamespace)),
      mounts_are_private_(mounts_are_private()),
      helper_(std::make_unique<NamespaceHelper>(std::move(helper))) {}

NetworkPlaces::NetworkPlaces(NetworkPlaces&& other) noexcept
    : pin_(std::move(other.pin_)),
      host_(std::move(other.host_)),
      host_is_own_(other.host_is_own_),
      mounts_are_private_(other.mounts_are_private_),
      helper_(std::move(other.helper_)),
      members_(std::move(other.members_)),
      applications_(std::move(other.applications_)) {}

Result<NetworkPlaces> NetworkPlaces::open(std::string pin, int host_fd) {
    UniqueFd host(host_fd < 0 ? ::open(kOwnNamespace, O_RDONLY | O_CLOEXEC) : ::fcntl(host_fd, F_DUPFD_CLOEXEC, 0));
    if (!host) return system_error("opening the network namespace");
    auto helper = NamespaceHelper::start(pin);
    if (!helper) return helper.error();
    NetworkPlaces places(std::move(pin), std::move(host), *std::move(helper));
    places.members_ = open_namespace(places.pin_);
    // A daemon that was killed in between may have left the file without the mount.
    if (!places.members_) static_cast<void>(::unlink(places.pin_.c_str()));
    if (places.members_ && is_same_file(places.host_, places.pin_)) places.members_.reset();  // not ours, then
    return places;
}

UniqueFd NetworkPlaces::descriptor(Place place) const {
    if (place == Place::host) return duplicate(host_);
    std::lock_guard lock(mutex_);
    if (place == Place::members) return duplicate(members_);
    auto found = applications_.find(place);
    return found == applications_.end() ? UniqueFd() : duplicate(found->second.fd);
}

Result<UniqueFd> NetworkPlaces::open_in(Place place, Opening what) const {
    if (place == Place::host && host_is_own_) return open_here(what);
    UniqueFd fd = descriptor(place);
    if (!fd) return Error{"that network namespace is not there", ENOENT};
    return helper_->open(fd.get(), what);
}

Result<void> NetworkPlaces::ensure_members() {
    UniqueFd present = descriptor(Place::members);
    if (present) {
        if (is_same_file(present, pin_)) return {};
        auto pinned = helper_->pin(present.get());
        if (!pinned) return pinned.error().within("pinning the network namespace of isolated groups");
        log_error("somebody took " + pin_ + " away, the network namespace of isolated groups: it is there again");
        return {};
    }
    if (mounts_are_private_)
        log_error("the mounts of this daemon are its own: " + pin_ + ", the network namespace of isolated groups, ends "
                  "with it");
    auto made = helper_->make();
    if (!made) return made.error().within("making the network namespace of isolated groups");
    std::lock_guard lock(mutex_);
    members_ = *std::move(made);
    return {};
}

void NetworkPlaces::drop_members() {
    {
        std::lock_guard lock(mutex_);
        members_.reset();
    }
    if (auto unpinned = helper_->unpin(); !unpinned) log_error(unpinned.error().text + ", ignoring: it is empty");
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
