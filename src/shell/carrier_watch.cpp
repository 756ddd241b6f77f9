#include "shell/carrier_watch.hpp"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "shell/clock.hpp"
#include "shell/link_settings.hpp"
#include "shell/log.hpp"
#include "shell/netlink_socket.hpp"

namespace ipmp {

namespace {

constexpr Duration kPeriodWhenTold = std::chrono::milliseconds(10);
constexpr Duration kNothingToWatch = std::chrono::hours(1);
constexpr int kReadAttempts = 4;  // for two counters read one after the other to agree

// The number in an open sysfs file, read afresh. ENODEV: its link is gone.
Result<std::uint32_t> read_number(const UniqueFd& file) {
    std::array<char, 32> text;
    ssize_t size = ::pread(file.get(), text.data(), text.size(), 0);
    if (size < 0) return system_error("reading a carrier counter");
    std::uint32_t number = 0;
    if (std::from_chars(text.data(), text.data() + size, number).ec != std::errc{})
        return Error{"a carrier counter is no number", EINVAL};
    return number;
}

Result<UniqueFd> open_at(const UniqueFd& directory, const std::string& path, int flags) {
    UniqueFd file(::openat(directory.get(), path.c_str(), flags | O_CLOEXEC));
    if (!file) return system_error("opening " + path);
    return file;
}

}  // namespace

// One link; poll() never fails but by the link's end.
class CarrierWatch::Link {
  public:
    enum class Outcome { unchanged, changed, gone };
    virtual ~Link() = default;
    virtual Outcome poll(CarrierChange& seen) = 0;  // fills `seen` when changed
};

class CarrierWatch::Source {
  public:
    virtual ~Source() = default;
    virtual Result<std::unique_ptr<Link>> open(InterfaceIndex link) = 0;
    virtual std::string warning() const = 0;
};

class CarrierWatch::SysfsSource : public Source {
  public:
    static Result<std::unique_ptr<Source>> open(const NetworkPlaces& places, Place place) {
        auto links = places.open_in(place, Opening::links);
        if (!links) return links.error();
        auto root = places.open_in(place, Opening::sysfs);
        if (!root) return root.error();
        return std::unique_ptr<Source>(new SysfsSource(*std::move(links), *std::move(root)));
    }

    Result<std::unique_ptr<Link>> open(InterfaceIndex link) override;
    std::string warning() const override { return {}; }

    // The link's own directory. By name, so the index is checked afterwards, lest a rename interfered.
    Result<UniqueFd> directory_of(InterfaceIndex link) const {
        for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
            auto name = name_of_link(links_, link);
            if (!name) return name.error();
            auto directory = open_at(root_, "class/net/" + *name, O_PATH | O_DIRECTORY);
            auto index_file = directory ? open_at(*directory, "ifindex", O_RDONLY) : directory.error();
            if (!index_file && index_file.error().error_number != ENOENT) return index_file.error();
            if (!index_file) continue;
            auto index = read_number(*index_file);
            if (index && *index == link.value) return directory;
        }
        return Error{"the link's directory cannot be found", ENODEV};
    }

  private:
    SysfsSource(UniqueFd links, UniqueFd root) : links_(std::move(links)), root_(std::move(root)) {}
    UniqueFd links_;  // for names
    UniqueFd root_;
};

class CarrierWatch::SysfsLink : public Link {
  public:
    SysfsLink(const SysfsSource& source, InterfaceIndex link, UniqueFd changes_file, UniqueFd ups_file)
        : source_(source), link_(link), changes_file_(std::move(changes_file)), ups_file_(std::move(ups_file)) {}

    Outcome poll(CarrierChange& seen) override {
        // The one cheap read that nearly all polls end with: carrier_changes is the sum of the two counters.
        auto changes = read_number(changes_file_);
        if (!changes) return outcome_of(changes.error());
        if (!first_ && *changes == changes_) return Outcome::unchanged;
        auto ups = read_number(ups_file_);
        for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
            // No up between two equal readings of ups: with them, `changes` in between makes one picture.
            changes = read_number(changes_file_);
            auto ups_again = read_number(ups_file_);
            if (!ups || !changes || !ups_again)
                return outcome_of((!ups ? ups : !changes ? changes : ups_again).error());
            if (*ups == *ups_again) break;
            ups = ups_again;
        }
        changes_ = *changes;
        auto up = carrier(static_cast<std::int32_t>(2 * *ups - *changes));
        first_ = false;
        if (!up) return Outcome::unchanged;  // netlink will tell
        seen = {.link = link_, .up = *up, .carrier_changes = changes_};
        return Outcome::changed;
    }

  private:
    // From ups minus downs, see the top of the header.
    std::optional<bool> carrier(std::int32_t difference) {
        if (difference == -1) difference_with_carrier_ = 0;
        if (difference == 1) difference_with_carrier_ = 1;
        if (!difference_with_carrier_ && !first_) {
            if (auto present = read_carrier_file()) difference_with_carrier_ = *present ? difference : difference + 1;
        }
        if (!difference_with_carrier_) return {};
        return difference == *difference_with_carrier_;
    }

    // May wait for RTNL. Nothing while the link is administratively down.
    std::optional<bool> read_carrier_file() const {
        auto directory = source_.directory_of(link_);
        if (!directory) return {};
        auto file = open_at(*directory, "carrier", O_RDONLY);
        if (!file) return {};
        auto number = read_number(*file);
        if (!number) return {};
        return *number != 0;
    }

    static Outcome outcome_of(const Error& error) {
        return error.error_number == ENODEV ? Outcome::gone : Outcome::unchanged;
    }

    const SysfsSource& source_;
    InterfaceIndex link_;
    UniqueFd changes_file_, ups_file_;
    bool first_ = true;
    std::uint32_t changes_ = 0;
    std::optional<std::int32_t> difference_with_carrier_;
};

Result<std::unique_ptr<CarrierWatch::Link>> CarrierWatch::SysfsSource::open(InterfaceIndex link) {
    auto directory = directory_of(link);
    if (!directory) return directory.error();
    auto changes = open_at(*directory, "carrier_changes", O_RDONLY);
    if (!changes) return changes.error();
    auto ups = open_at(*directory, "carrier_up_count", O_RDONLY);
    if (!ups) return ups.error();
    return std::unique_ptr<Link>(new SysfsLink(*this, link, *std::move(changes), *std::move(ups)));
}

// The fallback: asks for the link state by ioctl, and for the counters by netlink once it moved.
class CarrierWatch::EthtoolSource : public Source {
  public:
    static Result<std::unique_ptr<Source>> open(const NetworkPlaces& places, Place place, const Error& why_not_sysfs) {
        auto links = places.open_in(place, Opening::links);
        if (!links) return links.error();
        auto requests = places.open_in(place, Opening::rtnetlink);
        if (!requests) return requests.error();
        auto netlink = NetlinkSocket::open(*std::move(requests));
        if (!netlink) return netlink.error();
        return std::unique_ptr<Source>(
            new EthtoolSource(*std::move(links), *std::move(netlink), why_not_sysfs));
    }

    Result<std::unique_ptr<Link>> open(InterfaceIndex link) override;
    std::string warning() const override {
        return "link failures may be noticed late while other interfaces come and go (" + why_not_sysfs_.text + ")";
    }

    // Nothing: the driver cannot tell. ENODEV: gone.
    Result<std::optional<bool>> link_state(InterfaceIndex link) const {
        ifreq request{};
        auto name = name_of_link(links_, link);
        if (!name) return name.error();
        name->copy(request.ifr_name, IF_NAMESIZE - 1);
        ethtool_value value{.cmd = ETHTOOL_GLINK};
        request.ifr_data = reinterpret_cast<char*>(&value);
        if (::ioctl(links_.get(), SIOCETHTOOL, &request) < 0) {
            if (errno == ENODEV) return system_error("asking for the link state");
            return std::optional<bool>();
        }
        return std::optional<bool>(value.data != 0);
    }
    NetlinkSocket& netlink() { return netlink_; }

  private:
    EthtoolSource(UniqueFd links, NetlinkSocket netlink, Error why_not_sysfs)
        : links_(std::move(links)), netlink_(std::move(netlink)), why_not_sysfs_(std::move(why_not_sysfs)) {}
    UniqueFd links_;  // for ioctls
    NetlinkSocket netlink_;
    Error why_not_sysfs_;
};

class CarrierWatch::EthtoolLink : public Link {
  public:
    EthtoolLink(EthtoolSource& source, InterfaceIndex link) : source_(source), link_(link) {}

    Outcome poll(CarrierChange& seen) override {
        auto state = source_.link_state(link_);
        if (!state) return state.error().error_number == ENODEV ? Outcome::gone : Outcome::unchanged;
        if (told_ && *state == told_->second) return Outcome::unchanged;
        auto link = read_link(source_.netlink(), link_);
        if (!link) return Outcome::unchanged;  // gone in between: the next poll finds out
        bool moved = !told_ || told_->first != link->carrier_changes;
        told_ = {link->carrier_changes, *state};
        if (!moved) return Outcome::unchanged;
        seen = {.link = link_, .up = link->carrier, .carrier_changes = link->carrier_changes};
        return Outcome::changed;
    }

  private:
    EthtoolSource& source_;
    InterfaceIndex link_;
    std::optional<std::pair<std::uint32_t, std::optional<bool>>> told_;  // carrier changes, link state
};

Result<std::unique_ptr<CarrierWatch::Link>> CarrierWatch::EthtoolSource::open(InterfaceIndex link) {
    auto state = link_state(link);
    if (!state) return state.error();
    return std::unique_ptr<Link>(new EthtoolLink(*this, link));
}

CarrierWatch::CarrierWatch(const NetworkPlaces& places) : places_(&places) {}
CarrierWatch::CarrierWatch(CarrierWatch&&) noexcept = default;
CarrierWatch& CarrierWatch::operator=(CarrierWatch&&) noexcept = default;
CarrierWatch::~CarrierWatch() = default;

Result<CarrierWatch> CarrierWatch::open(const NetworkPlaces& places) {
    CarrierWatch watch(places);
    if (auto source = watch.source_of(Place::host); !source) return source.error();
    return watch;
}

Result<CarrierWatch::Source*> CarrierWatch::source_of(Place place) {
    auto found = sources_.find(place);
    if (found != sources_.end()) return found->second.get();
    auto source = SysfsSource::open(*places_, place);
    if (!source) source = EthtoolSource::open(*places_, place, source.error());
    if (!source) return source.error().within("watching carrier");
    return sources_.emplace(place, *std::move(source)).first->second.get();
}

void CarrierWatch::watch(const std::vector<InterfaceIndex>& links) {
    std::erase_if(links_,
                  [&](const auto& entry) { return std::find(links.begin(), links.end(), entry.first) == links.end(); });
    for (InterfaceIndex index : links) {
        Watched& watched = links_[index];
        if (watched.link) continue;
        auto source = source_of(index.place);
        auto link = source ? (*source)->open(index) : source.error();
        if (link)
            watched = {.link = *std::move(link)};
        else if (link.error().error_number == ENODEV)
            watched.state = watched.state == State::vanished ? State::vanished : State::vanishing;
        else
            log_error("ignoring the carrier of interface " + std::to_string(index.value) + ": " + link.error().text);
    }
    std::erase_if(sources_, [&](const auto& entry) {  // it would keep its namespace from ending
        return entry.first != Place::host && std::ranges::none_of(links_, [&](const auto& watched) {
                   return watched.first.place == entry.first;
               });
    });
    trace(links);
}

void CarrierWatch::trace(const std::vector<InterfaceIndex>& links) {
    if (!trace_) return;
    std::map<Place, std::uint32_t> inodes;
    TracedLinks traced;
    for (InterfaceIndex index : links) {
        auto [known, is_new] = inodes.try_emplace(index.place);
        struct stat seen {};
        if (is_new && ::fstat(places_->descriptor(index.place).get(), &seen) == 0)
            known->second = static_cast<std::uint32_t>(seen.st_ino);
        traced[{.namespace_inode = known->second, .index = index.value}] = index;
    }
    trace_->watch(std::move(traced));
}

// What one look at some or all links finds.
struct CarrierWatch::Seen {
    std::vector<Event> vanished;
    CarriersChanged changed;

    std::vector<Event> events() && {
        std::vector<Event> all = std::move(vanished);
        if (!changed.links.empty()) all.emplace_back(std::move(changed));
        return all;
    }
};

void CarrierWatch::look(InterfaceIndex index, Watched& watched, Seen& seen) {
    CarrierChange change;
    auto outcome = watched.link ? watched.link->poll(change) : Link::Outcome::unchanged;
    if (outcome == Link::Outcome::changed) seen.changed.links.push_back(change);
    if (outcome == Link::Outcome::gone) watched = {.state = State::vanishing};
    if (watched.state == State::vanishing) {
        seen.vanished.emplace_back(LinkVanished{index});
        watched.state = State::vanished;
    }
}

std::vector<Event> CarrierWatch::poll(const std::vector<InterfaceIndex>& links) {
    Seen seen;
    for (InterfaceIndex index : links) {
        if (auto watched = links_.find(index); watched != links_.end()) look(index, watched->second, seen);
    }
    return std::move(seen).events();
}

std::vector<Event> CarrierWatch::poll() {
    Seen seen;
    Duration started = thread_cpu_time();
    for (auto& [index, watched] : links_) look(index, watched, seen);
    pace_.add(thread_cpu_time() - started);
    return std::move(seen).events();
}

Duration CarrierWatch::period() const {
    bool nothing = std::none_of(links_.begin(), links_.end(), [](const auto& entry) {
        return entry.second.link || entry.second.state == State::vanishing;
    });
    if (nothing) return kNothingToWatch;
    return std::max(pace_.period(), trace_ && trace_->active() ? kPeriodWhenTold : Duration{});
}

std::string CarrierWatch::warning() const { return sources_.at(Place::host)->warning(); }

}  // namespace ipmp
