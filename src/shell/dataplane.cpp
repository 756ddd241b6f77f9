#include "shell/dataplane.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <set>
#include <vector>

#include "bpf/ipmp_abi.h"
#include "core/commands.hpp"
#include "ipmp.skel.h"
#include "shell/clock.hpp"
#include "shell/dataplane_reports.hpp"
#include "shell/eventfd.hpp"
#include "shell/mirrored_map.hpp"

namespace ipmp {

namespace {

static_assert(kSlotCount == IPMP_SLOTS_PER_FAMILY);

// libbpf explains failures only through its print hook, verifier log included. While a Capture exists on a
// thread, that thread's warnings are kept; all others are silent, as errors are returned, not printed.
class Capture {
  public:
    Capture() { current_ = this; }
    ~Capture() { current_ = nullptr; }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

    // The last lines, on one line.
    std::string text() const {
        std::string line = text_;
        while (!line.empty() && line.back() == '\n') line.pop_back();
        for (std::size_t at = 0; (at = line.find('\n', at)) != std::string::npos; at += 3) line.replace(at, 1, " | ");
        return line;
    }

    static int print(libbpf_print_level level, const char* format, va_list arguments) {
        if (level != LIBBPF_WARN || !current_) return 0;
        va_list counting;
        va_copy(counting, arguments);
        int size = std::vsnprintf(nullptr, 0, format, counting);
        va_end(counting);
        if (size <= 0) return 0;
        std::string piece(static_cast<std::size_t>(size) + 1, '\0');
        std::vsnprintf(piece.data(), piece.size(), format, arguments);
        piece.pop_back();
        current_->text_ += piece;
        if (current_->text_.size() > kKeptBytes) current_->text_.erase(0, current_->text_.size() - kKeptBytes);
        return 0;
    }

  private:
    static constexpr std::size_t kKeptBytes = 2000;
    static inline thread_local Capture* current_ = nullptr;
    std::string text_;
};

ipmp_nic to_abi(const Nic& nic) {
    ipmp_nic abi{};
    abi.ifindex = nic.index.value;
    std::ranges::copy(nic.mac.bytes, abi.mac);
    return abi;
}

ipmp_policy to_abi(SpreadPolicy policy) {
    switch (policy) {
        case SpreadPolicy::flow:
            return IPMP_POLICY_FLOW;
        case SpreadPolicy::tuple:
            return IPMP_POLICY_TUPLE;
        case SpreadPolicy::destination:
            return IPMP_POLICY_DESTINATION;
        case SpreadPolicy::source:
            return IPMP_POLICY_SOURCE;
    }
    return IPMP_POLICY_FLOW;
}

using NicMap = MirroredMap<__u32, ipmp_nic>;
using SlotMap = MirroredMap<__u32, __u32>;
using SettingsMap = MirroredMap<__u32, ipmp_settings>;
using MemberMap = MirroredMap<ipmp_mac_key, __u32>;
using AddressMap = MirroredMap<ipmp_address_key, ipmp_address>;

// Deals the rows of ipmp_nics. A freed row is taken again only after all other free ones, so that a program that
// has just read its number cannot meet another NIC there.
static_assert(2 * kMostMembers < IPMP_NIC_ROWS, "every member of a group may get another MAC at once; row 0 is no NIC");

class NicRows {
  public:
    // Gives every NIC of `image` a row; false if there are too many.
    bool include(const GroupImage& image) {
        bool complete = true;
        for_each_nic(image, [&](const Nic& nic) { complete = complete && ensure(nic); });
        return complete;
    }
    // Frees the rows of NICs that `image` does not name.
    void keep_only(const GroupImage& image) {
        std::set<Nic> named;
        for_each_nic(image, [&](const Nic& nic) { named.insert(nic); });
        std::erase_if(rows_, [&](const auto& entry) { return !named.contains(entry.first); });
    }
    __u32 row_of(const Nic& nic) const { return nic.index ? rows_.at(nic) : 0; }
    // Rows in use; the others keep what they held.
    NicMap::Content content() const {
        NicMap::Content content;
        for (const auto& [nic, row] : rows_) content.emplace_back(row, to_abi(nic));
        return content;
    }

  private:
    template <typename Visit>
    static void for_each_nic(const GroupImage& image, Visit visit) {
        for (const auto& slots : image.slots) std::ranges::for_each(slots, visit);
        std::ranges::for_each(image.nominee, visit);
        for (const auto& [address, entry] : image.addresses) visit(entry.nic);
    }

    bool ensure(const Nic& nic) {
        if (!nic.index || rows_.contains(nic)) return true;
        for (__u32 tries = 1; tries < IPMP_NIC_ROWS; ++tries) {
            last_ = last_ % (IPMP_NIC_ROWS - 1) + 1;
            if (std::ranges::none_of(rows_, [&](const auto& entry) { return entry.second == last_; })) {
                rows_.emplace(nic, last_);
                return true;
            }
        }
        return false;
    }

    std::map<Nic, __u32> rows_;
    __u32 last_ = 0;
};

SlotMap::Content slots_of(const GroupImage& image, const NicRows& rows) {
    SlotMap::Content slots;
    slots.reserve(image.slots.size() * kSlotCount);
    for (Family family : kFamilies) {
        const auto& nics = image.slots[index_of(family)];
        for (std::size_t i = 0; i < nics.size(); ++i) {
            slots.emplace_back(static_cast<__u32>(index_of(family) * kSlotCount + i), rows.row_of(nics[i]));
        }
    }
    return slots;
}

SettingsMap::Content settings_of(const GroupImage& image, const NicRows& rows) {
    ipmp_settings settings{};
    settings.lower_ifindex = image.lower.value;
    for (Family family : kFamilies) settings.nominee[index_of(family)] = rows.row_of(image.nominee[index_of(family)]);
    std::ranges::copy(image.upper_mac.bytes, settings.upper_mac);
    for (Family family : kFamilies) {
        if (image.forwards[index_of(family)]) settings.forwards |= static_cast<__u8>(1 << index_of(family));
    }
    settings.policy = to_abi(image.policy);
    settings.upper_ifindex = image.upper.value;
    bool is_elsewhere = image.upper.place != image.lower.place;
    settings.way_up = is_elsewhere ? IPMP_UP_TO_PEER : image.at_once ? IPMP_UP_AT_ONCE : IPMP_UP_BY_LOWER;
    return {{0, settings}};
}

MemberMap::Content members_of(const GroupImage& image) {
    MemberMap::Content members;
    for (const auto& [index, mac] : image.members) {
        ipmp_mac_key key{};
        std::ranges::copy(mac.bytes, key.mac);
        members.emplace_back(key, index.value);
    }
    return members;
}

AddressMap::Content addresses_of(const GroupImage& image, const NicRows& rows) {
    AddressMap::Content addresses;
    addresses.reserve(image.addresses.size());
    for (const auto& [address, entry] : image.addresses) {
        ipmp_address abi{};
        abi.nic = rows.row_of(entry.nic);
        abi.kind = entry.kind == AddressKind::data ? IPMP_ADDRESS_DATA : IPMP_ADDRESS_OWN;
        addresses.emplace_back(to_abi(address), abi);
    }
    return addresses;
}

Result<std::uint32_t> program_id(int program_fd) {
    bpf_prog_info info{};
    __u32 size = sizeof info;
    int outcome = bpf_obj_get_info_by_fd(program_fd, &info, &size);
    if (outcome < 0) return system_error("read id of BPF program", -outcome);
    return info.id;
}

struct SkeletonDeleter {
    void operator()(ipmp_bpf* skeleton) const { ipmp_bpf::destroy(skeleton); }
};
using Skeleton = std::unique_ptr<ipmp_bpf, SkeletonDeleter>;

Result<Skeleton> load() {
    Capture capture;
    Skeleton skeleton(ipmp_bpf::open());
    if (!skeleton) return Error{fmt::format("open BPF object: {} ({})", std::strerror(errno), capture.text()), errno};
    if (int outcome = ipmp_bpf::load(skeleton.get()); outcome < 0) {
        return Error{fmt::format("load BPF programs: {} ({})", std::strerror(-outcome), capture.text()), -outcome};
    }
    return skeleton;
}

// The programs know of no namespaces.
void set_place(Event& event, Place place) {
    if (auto* claim = std::get_if<AddressClaimed>(&event)) claim->link.place = place;
    if (auto* answer = std::get_if<PeerAnswered>(&event)) answer->link.place = place;
}

bool watch(const UniqueFd& epoll, int fd) {
    epoll_event interest{.events = EPOLLIN, .data = {.fd = fd}};
    return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &interest) == 0;
}

}  // namespace

// One group's programs and maps.
class Dataplane::Instance {
  public:
    Instance(Skeleton skeleton, EventReader events)
        : skeleton_(std::move(skeleton)),
          events_(std::move(events)),
          nics_("ipmp_nics", bpf_map__fd(skeleton_->maps.ipmp_nics)),
          slots_("ipmp_slots", bpf_map__fd(skeleton_->maps.ipmp_slots)),
          settings_("ipmp_settings", bpf_map__fd(skeleton_->maps.ipmp_settings)),
          members_("ipmp_members", bpf_map__fd(skeleton_->maps.ipmp_members)),
          addresses_("ipmp_addresses", bpf_map__fd(skeleton_->maps.ipmp_addresses)) {}

    // The order has meaning: NICs exist before anything names them, a new member's MAC is known as ours before anything
    // leaves from it, then outbound traffic leaves the bad path, then bindings follow.
    Result<void> write(const GroupImage& image) {
        place_ = image.lower.place;
        NicRows rows = rows_;
        if (!rows.include(image)) return Error{fmt::format("more than {} NICs", IPMP_NIC_ROWS - 1), ENOSPC};
        rows_ = std::move(rows);
        std::array outcomes{nics_.add(rows_.content()), members_.write(members_of(image)),
                            slots_.write(slots_of(image, rows_)), settings_.write(settings_of(image, rows_)),
                            addresses_.write(addresses_of(image, rows_))};
        for (const auto& outcome : outcomes) {
            if (!outcome) return outcome;
        }
        rows_.keep_only(image);
        return {};
    }

    Place place() const { return place_; }
    int spread_fd() const { return bpf_program__fd(skeleton_->progs.ipmp_spread); }
    int steer_fd() const { return bpf_program__fd(skeleton_->progs.ipmp_steer); }
    int peers_fd() const { return bpf_map__fd(skeleton_->maps.ipmp_peers); }
    EventReader& events() { return events_; }
    int counters_fd() const { return bpf_map__fd(skeleton_->maps.ipmp_counters); }

  private:
    Skeleton skeleton_;
    EventReader events_;
    NicRows rows_;
    NicMap nics_;
    SlotMap slots_;
    SettingsMap settings_;
    MemberMap members_;
    AddressMap addresses_;
    Place place_ = Place::host;  // of the interfaces that the programs see
};

Dataplane::Dataplane(FilterPrograms& programs)
    : programs_(programs),
      inputs_(::epoll_create1(EPOLL_CLOEXEC)),
      found_peers_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    libbpf_set_print(Capture::print);
    // Whoever watches a descriptor that could not be made is told.
    if (!watch(inputs_, found_peers_fd_.get())) inputs_.reset();
}
Dataplane::~Dataplane() = default;

Result<void> Dataplane::apply(const PublishImage& news) {
    DataplaneImage again = std::exchange(unwritten_, {});
    for (const auto& [ipmp_interface, image] : news.changed) again.erase(ipmp_interface);
    for (const std::string& ipmp_interface : news.gone) again.erase(ipmp_interface);

    Result<void> first_failure;
    for (const DataplaneImage* images : {&news.changed, &std::as_const(again)}) {
        for (const auto& [ipmp_interface, image] : *images) {
            auto written = write(ipmp_interface, image);
            if (written) continue;
            unwritten_.emplace(ipmp_interface, image);
            if (first_failure) first_failure = written.error().within("data path of " + ipmp_interface);
        }
    }
    for (const std::string& ipmp_interface : news.gone) {
        instances_.erase(ipmp_interface);
        programs_.erase(ipmp_interface);
    }
    return first_failure;
}

Result<void> Dataplane::write(const std::string& ipmp_interface, const GroupImage& image) {
    auto found = instances_.find(ipmp_interface);
    return found == instances_.end() ? add(ipmp_interface, image) : found->second->write(image);
}

Result<void> Dataplane::add(const std::string& ipmp_interface, const GroupImage& image) {
    auto skeleton = load();
    if (!skeleton) return skeleton.error();
    auto events = EventReader::open(bpf_map__fd((*skeleton)->maps.ipmp_events));
    if (!events) return events.error();
    auto instance = std::make_unique<Instance>(std::move(*skeleton), std::move(*events));
    if (auto written = instance->write(image); !written) return written;
    auto spread_id = program_id(instance->spread_fd());
    if (!spread_id) return spread_id.error();
    auto steer_id = program_id(instance->steer_fd());
    if (!steer_id) return steer_id.error();
    if (!watch(inputs_, instance->events().fd())) return system_error("watch events of the BPF programs");
    programs_.set(ipmp_interface, Filter::spread, instance->spread_fd(), *spread_id);
    programs_.set(ipmp_interface, Filter::steer, instance->steer_fd(), *steer_id);
    instances_.emplace(ipmp_interface, std::move(instance));
    return {};
}

std::vector<Event> Dataplane::take_events() {
    clear_eventfd(found_peers_fd_.get());
    std::vector<Event> events = std::exchange(found_peers_, {});
    for (auto& [ipmp_interface, instance] : instances_) {
        std::size_t before = events.size();
        instance->events().take(events);
        for (std::size_t i = before; i < events.size(); ++i) set_place(events[i], instance->place());
    }
    return events;
}

Result<void> Dataplane::find_peers(const FindPeers& wanted) {
    PeersFound answer{wanted.ipmp_interface, {}};
    Result<void> outcome;
    if (auto instance = instances_.find(wanted.ipmp_interface); instance != instances_.end()) {
        auto found = read_peers(instance->second->peers_fd(), wanted.addresses, now());
        if (found)
            answer.found = *std::move(found);
        else
            outcome = found.error();
    }
    if (answer.found.empty()) return outcome;
    found_peers_.emplace_back(std::move(answer));
    signal_eventfd(found_peers_fd_.get());
    return outcome;
}

std::map<std::string, std::uint64_t> Dataplane::counters(const std::string& ipmp_interface) const {
    static constexpr std::array kReasons{
#define IPMP_COUNTER_NAME(reason, text) #reason,
        IPMP_COUNTERS(IPMP_COUNTER_NAME)
#undef IPMP_COUNTER_NAME
    };
    std::map<std::string, std::uint64_t> sums;
    auto found = instances_.find(ipmp_interface);
    int cpus = libbpf_num_possible_cpus();
    if (found == instances_.end() || cpus <= 0) return sums;
    std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(cpus));
    for (__u32 key = 0; key < kReasons.size(); ++key) {
        if (bpf_map_lookup_elem(found->second->counters_fd(), &key, per_cpu.data()) < 0) continue;
        std::uint64_t& sum = sums[kReasons[key]];
        for (std::uint64_t packets : per_cpu) sum += packets;
    }
    return sums;
}

}  // namespace ipmp
