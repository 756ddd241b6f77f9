#include "shell/network_places.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "shell/log.hpp"

namespace ipmp {

namespace {

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

UniqueFd duplicate(const UniqueFd& fd) { return UniqueFd(fd ? ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0) : -1); }

UniqueFd open_namespace(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct statfs system {};
    bool is_one = fd && ::fstatfs(fd.get(), &system) == 0 && system.f_type == NSFS_MAGIC;
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
      members_(std::move(other.members_)) {}

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
    return duplicate(members_);
}

Result<UniqueFd> NetworkPlaces::open_in(Place place, Opening what) const {
    if (place == Place::host && host_is_own_) return open_here(what);
    UniqueFd fd = descriptor(place);
    if (!fd) return Error{"there is no network namespace of isolated groups", ENOENT};
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

}  // namespace ipmp
