// Loading, differences, failures and rights of the dataplane.
#include <bpf/bpf.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "bpf/ipmp_abi.h"
#include "bench.hpp"
#include "shell/mirrored_map.hpp"

namespace ipmp {
namespace {

using namespace packets;

class Lifecycle : public Bench {
  protected:
    Bytes data_frame() const {
        return ethernet(kPeer, kUpperMac, kIpv4, ipv4("192.0.2.1", "192.0.2.9", kUdp, udp(1, 2)));
    }
    Bytes source_after_spread() const {
        Bytes frame = run(Filter::spread, "ipmpl0", data_frame()).frame;
        return {frame.begin() + 6, frame.begin() + 12};
    }
};

std::uint32_t id_of(int program_fd) {
    bpf_prog_info info{};
    __u32 size = sizeof info;
    EXPECT_EQ(bpf_obj_get_info_by_fd(program_fd, &info, &size), 0);
    return info.id;
}

TEST_F(Lifecycle, a_wanted_group_is_loaded_filled_and_registered) {
    EXPECT_FALSE(programs_.find("ipmp0", Filter::spread));
    apply(base_image());
    EXPECT_EQ(source_after_spread(), bytes_of(kMac1));
    for (Filter filter : {Filter::spread, Filter::steer}) {
        UniqueFd program = programs_.find("ipmp0", filter);
        ASSERT_TRUE(program);
        auto owner = programs_.owner_of(id_of(program.get()));
        ASSERT_TRUE(owner);
        EXPECT_EQ(owner->filter, filter);
        EXPECT_EQ(owner->ipmp_interface, "ipmp0");
    }
}

TEST_F(Lifecycle, a_group_no_longer_wanted_is_forgotten) {
    apply(base_image());
    ASSERT_TRUE(dataplane_.apply({.gone = {"ipmp0"}}));
    EXPECT_FALSE(programs_.find("ipmp0", Filter::spread));
    EXPECT_FALSE(programs_.find("ipmp0", Filter::steer));
    EXPECT_TRUE(dataplane_.counters("ipmp0").empty());
}

TEST_F(Lifecycle, a_change_reaches_the_running_program) {
    GroupImage image = base_image();
    apply(image);
    std::uint32_t before = id_of(programs_.find("ipmp0", Filter::spread).get());
    image.slots[0].fill(under0());
    apply(image);
    EXPECT_EQ(source_after_spread(), bytes_of(kMac0));
    EXPECT_EQ(id_of(programs_.find("ipmp0", Filter::spread).get()), before);

    Bytes inbound = ethernet(kMac0, kPeer, kIpv4, ipv4("192.0.2.9", "192.0.2.1", kUdp, udp(1, 2)));
    EXPECT_EQ(run(Filter::steer, "under0", inbound).verdict, Verdict::redirect);
    image.addresses.erase(ip("192.0.2.1"));
    apply(image);
    EXPECT_EQ(run(Filter::steer, "under0", inbound).verdict, Verdict::pass);

    Bytes echo = ethernet(kGroup4, kMac1, kIpv4, ipv4("192.0.2.9", "224.0.0.9", kUdp, udp(1, 2)));
    EXPECT_EQ(run(Filter::steer, "under0", echo).verdict, Verdict::drop);
    image.members.erase(under1().index);
    apply(image);
    EXPECT_EQ(run(Filter::steer, "under0", echo).verdict, Verdict::redirect);

    Bytes transit = ethernet(kMac0, kPeer, kIpv6, ipv6("2001:db8::9", "2001:db8:7::1", kUdp, udp(1, 2)));
    EXPECT_EQ(run(Filter::steer, "under0", transit).verdict, Verdict::pass);
    image.forwards[index_of(Family::ipv6)] = true;
    apply(image);
    EXPECT_EQ(run(Filter::steer, "under0", transit).verdict, Verdict::redirect);

    image.policy = SpreadPolicy::source;
    image.addresses[ip("192.0.2.1")] = {AddressKind::data, under1()};
    apply(image);
    EXPECT_EQ(source_after_spread(), bytes_of(kMac1)) << "from 192.0.2.1, by its NIC and not by its slot";
}

TEST_F(Lifecycle, a_NIC_may_change_its_MAC_any_number_of_times) {
    GroupImage image = base_image();
    for (int i = 0; i < 600; ++i) {
        MacAddress mac = kMac0;
        mac.bytes[3] = static_cast<std::uint8_t>(i >> 8), mac.bytes[4] = static_cast<std::uint8_t>(i & 0xff);
        image.slots[0].fill({under0().index, mac});
        apply(image);
        ASSERT_EQ(source_after_spread(), bytes_of(mac)) << "change " << i;
    }
}

TEST_F(Lifecycle, more_NICs_than_rows_are_refused_and_the_maps_go_on) {
    apply(base_image());
    GroupImage crowd = base_image();
    for (std::uint32_t i = 0; i < kSlotCount; ++i) crowd.slots[0][i].index.value = 1000 + i;
    auto outcome = dataplane_.apply({.changed = {{"ipmp0", crowd}}});
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().text, "data path of ipmp0: more than 255 NICs");
    EXPECT_EQ(source_after_spread(), bytes_of(kMac1));
    apply(base_image());
    EXPECT_EQ(source_after_spread(), bytes_of(kMac1));
}

TEST_F(Lifecycle, R_GRP_12_groups_are_independent) {
    GroupImage other = base_image();
    other.slots[0].fill(under0());
    ASSERT_TRUE(dataplane_.apply({.changed = {{"ipmp0", base_image()}, {"ipmp1", other}}}));
    EXPECT_EQ(source_after_spread(), bytes_of(kMac1));
    ASSERT_TRUE(dataplane_.apply({.changed = {{"ipmp0", base_image()}}}));
    EXPECT_TRUE(programs_.find("ipmp1", Filter::spread)) << "who is not named stays";
    ASSERT_TRUE(dataplane_.apply({.gone = {"ipmp1"}}));
    EXPECT_FALSE(programs_.find("ipmp1", Filter::spread));
    EXPECT_EQ(source_after_spread(), bytes_of(kMac1));
}

// A start waits for the verifier, once for each group: 29,600 instructions took a slow machine 76 ms.
TEST_F(Lifecycle, the_verifier_is_soon_done_with_the_programs) {
    apply(base_image());
    for (auto [filter, most] : {std::pair(Filter::spread, 8'000u), std::pair(Filter::steer, 12'000u)}) {
        UniqueFd program = programs_.find("ipmp0", filter);
        bpf_prog_info info{};
        __u32 size = sizeof info;
        ASSERT_EQ(bpf_obj_get_info_by_fd(program.get(), &info, &size), 0);
        EXPECT_GT(info.verified_insns, 1000u);
        EXPECT_LT(info.verified_insns, most);
    }
}

TEST_F(Lifecycle, one_group_that_does_not_fit_leaves_the_others_alone_and_recovers) {
    GroupImage large = base_image();
    for (int i = 0; i <= IPMP_MAX_ADDRESSES; ++i) {
        large.addresses[ip("10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250))] = {AddressKind::data,
                                                                                                  under0()};
    }
    auto outcome = dataplane_.apply({.changed = {{"ipmp0", large}, {"ipmp1", base_image()}}});
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().text.find("data path of ipmp0: update BPF map ipmp_addresses"), std::string::npos)
        << outcome.error().text;
    EXPECT_FALSE(programs_.find("ipmp0", Filter::spread));
    EXPECT_TRUE(programs_.find("ipmp1", Filter::spread));

    outcome = dataplane_.apply({.changed = {{"ipmp0", base_image()}, {"ipmp1", large}}});
    EXPECT_FALSE(outcome);
    EXPECT_TRUE(programs_.find("ipmp1", Filter::spread)) << "a known group goes on with what fitted";
    EXPECT_FALSE(dataplane_.apply({})) << "what failed is tried again";
    EXPECT_FALSE(dataplane_.apply({.changed = {{"ipmp0", base_image()}}}));
    outcome = dataplane_.apply({.changed = {{"ipmp1", base_image()}}});
    EXPECT_TRUE(outcome) << outcome.error().text;

    EXPECT_FALSE(dataplane_.apply({.changed = {{"ipmp0", large}}}));
    outcome = dataplane_.apply({.gone = {"ipmp0"}});
    EXPECT_TRUE(outcome) << "who is gone needs nothing written: " << outcome.error().text;
}

class MirroredHash : public Bench {
  protected:
    using Map = MirroredMap<std::uint32_t, std::uint32_t>;

    void SetUp() override {
        Bench::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        fd_ = UniqueFd(bpf_map_create(BPF_MAP_TYPE_HASH, "mirrored", 4, 4, 3, nullptr));
        ASSERT_TRUE(fd_);
    }
    Map::Content content() const {
        Map::Content found;
        std::uint32_t key = 0, next = 0, value = 0;
        for (void* from = nullptr; bpf_map_get_next_key(fd_.get(), from, &next) == 0; from = &key) {
            key = next;
            EXPECT_EQ(bpf_map_lookup_elem(fd_.get(), &key, &value), 0);
            found.emplace_back(key, value);
        }
        std::ranges::sort(found);
        return found;
    }
    void put(std::uint32_t key, std::uint32_t value) const {
        ASSERT_EQ(bpf_map_update_elem(fd_.get(), &key, &value, 0), 0);
    }

    UniqueFd fd_;
};

TEST_F(MirroredHash, writes_only_the_difference) {
    Map map("mirrored", fd_.get());
    ASSERT_TRUE(map.write({{1, 10}, {2, 20}}));
    EXPECT_EQ(content(), (Map::Content{{1, 10}, {2, 20}}));
    put(1, 99);  // shows whether key 1 is written again
    ASSERT_TRUE(map.write({{1, 10}, {2, 21}, {3, 30}}));
    EXPECT_EQ(content(), (Map::Content{{1, 99}, {2, 21}, {3, 30}}));
    ASSERT_TRUE(map.write({{3, 30}}));
    EXPECT_EQ(content(), (Map::Content{{3, 30}}));
}

TEST_F(MirroredHash, makes_room_before_it_adds) {
    Map map("mirrored", fd_.get());
    ASSERT_TRUE(map.write({{1, 10}, {2, 20}, {3, 30}}));
    ASSERT_TRUE(map.write({{4, 40}, {5, 50}, {6, 60}}));
    EXPECT_EQ(content(), (Map::Content{{4, 40}, {5, 50}, {6, 60}}));
}

TEST_F(MirroredHash, is_right_again_after_a_failure) {
    Map map("mirrored", fd_.get());
    ASSERT_TRUE(map.write({{1, 10}, {2, 20}}));
    auto failed = map.write({{1, 11}, {2, 21}, {3, 31}, {4, 41}});
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().text.find("BPF map mirrored"), std::string::npos);
    ASSERT_TRUE(map.write({{1, 10}, {2, 20}}));
    EXPECT_EQ(content(), (Map::Content{{1, 10}, {2, 20}}));
}

TEST_F(MirroredHash, takes_keys_in_any_order) {
    Map map("mirrored", fd_.get());
    ASSERT_TRUE(map.write({{300, 1}, {2, 2}, {1, 3}}));
    EXPECT_EQ(content(), (Map::Content{{1, 3}, {2, 2}, {300, 1}}));
    ASSERT_TRUE(map.write({{2, 2}, {256, 4}, {1, 5}}));
    EXPECT_EQ(content(), (Map::Content{{1, 5}, {2, 2}, {256, 4}}));
}

TEST_F(MirroredHash, tolerates_that_somebody_else_deleted) {
    Map map("mirrored", fd_.get());
    ASSERT_TRUE(map.write({{1, 10}}));
    std::uint32_t key = 1;
    ASSERT_EQ(bpf_map_delete_elem(fd_.get(), &key), 0);
    EXPECT_TRUE(map.write({}));
}

// Leaves this process exactly `capabilities`, in the bounding set too.
bool keep_only(std::uint64_t capabilities) {
    for (unsigned long number = 0; prctl(PR_CAPBSET_READ, number) >= 0; ++number) {
        if (!(capabilities >> number & 1) && prctl(PR_CAPBSET_DROP, number) < 0) return false;
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    for (int word : {0, 1}) {
        auto bits = static_cast<__u32>(capabilities >> (32 * word));
        data[word].effective = data[word].permitted = bits;
    }
    return syscall(SYS_capset, &header, data) == 0;
}

constexpr std::uint64_t bit(int number) { return std::uint64_t{1} << number; }
constexpr std::uint64_t kDaemonCapabilities =
    bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW) | bit(CAP_BPF) | bit(CAP_PERFMON) | bit(CAP_SYS_NICE);

// Runs `body` in a child; its result is the child's exit code.
int in_child(const std::function<int()>& body) {
    pid_t child = fork();
    if (child == 0) _exit(body());
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(Lifecycle, everything_works_with_the_capabilities_the_daemon_keeps) {
    int outcome = in_child([&] {
        if (!keep_only(kDaemonCapabilities)) return 1;
        __u32 id = 0;
        if (bpf_prog_get_next_id(0, &id) == 0) return 2;  // would need CAP_SYS_ADMIN
        FilterPrograms programs;
        Dataplane dataplane(programs);
        auto applied = dataplane.apply({.changed = {{"ipmp0", base_image()}}});
        if (!applied) return std::fprintf(stderr, "%s\n", applied.error().text.c_str()), 3;
        GroupImage changed = base_image();
        changed.slots[0].fill(under0());
        changed.addresses.erase(ip("192.0.2.1"));
        if (!dataplane.apply({.changed = {{"ipmp0", changed}}})) return 4;
        if (dataplane.counters("ipmp0").at("out_no_active") != 0) return 5;
        if (!dataplane.find_peers({"ipmp0", {}, {ip("192.0.2.1")}}) || !dataplane.take_events().empty()) return 7;
        UniqueFd program = programs.find("ipmp0", Filter::steer);
        return program && programs.owner_of(id_of(program.get())) ? 0 : 6;
    });
    EXPECT_EQ(outcome, 0);
}

TEST_F(Lifecycle, a_refused_load_is_an_error_with_its_reason) {
    int outcome = in_child([&] {
        if (!keep_only(0)) return 1;
        FilterPrograms programs;
        Dataplane dataplane(programs);
        auto applied = dataplane.apply({.changed = {{"ipmp0", base_image()}}});
        if (applied) return 2;
        if (applied.error().error_number != EPERM) return 3;
        const std::string& text = applied.error().text;
        if (!text.starts_with("data path of ipmp0: load BPF programs: Operation not permitted")) return 4;
        if (text.find("libbpf: ") == std::string::npos) return 5;
        return programs.find("ipmp0", Filter::spread) ? 6 : 0;
    });
    EXPECT_EQ(outcome, 0);
}

}  // namespace
}  // namespace ipmp
