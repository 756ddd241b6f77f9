#include "bench.hpp"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace ipmp {

using namespace packets;

namespace {

// Once per process: every test of this program shares the links, none changes them.
std::string enter_own_namespace() {
    if (unshare(CLONE_NEWNET) < 0) return "needs root: cannot make a network namespace";
    const char* commands =
        "set -e\n"
        "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6\n"  // no traffic but ours
        "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6\n"
        "ip link add ipmp0 address 02:00:00:00:00:ee type veth peer name ipmpl0\n"
        "ip link add under0 address 02:00:00:00:00:10 type veth peer name wire0\n"
        "ip link add under1 address 02:00:00:00:00:11 type veth peer name wire1\n"
        "for link in ipmp0 ipmpl0 under0 wire0 under1 wire1; do ip link set $link mtu 9000 arp off up; done\n";
    return std::system(commands) == 0 ? "" : "the links of the test could not be made";
}

}  // namespace

void Bench::SetUp() {
    static const std::string obstacle = enter_own_namespace();
    if (geteuid() != 0) GTEST_SKIP() << obstacle;
    ASSERT_EQ(obstacle, "");
}

Nic Bench::nic(const std::string& link, const MacAddress& address) const {
    return {InterfaceIndex{if_nametoindex(link.c_str())}, address};
}

GroupImage Bench::base_image() const {
    GroupImage image;
    image.upper = nic("ipmp0", kUpperMac).index;
    image.lower = nic("ipmpl0", kUpperMac).index;
    image.upper_mac = kUpperMac;
    image.slots[0].fill(under1());
    image.slots[1].fill(under0());
    image.nominee = {under0(), under1()};
    image.members = {{under0().index, kMac0}, {under1().index, kMac1}};
    image.addresses[ip("192.0.2.1")] = {AddressKind::data, under1()};
    image.addresses[ip("192.0.2.2")] = {AddressKind::data, {}};
    image.addresses[ip("2001:db8::1")] = {AddressKind::data, under0()};
    image.addresses[ip("2001:db8::2")] = {AddressKind::data, {}};
    image.addresses[ip("fe80::ee")] = {AddressKind::data, under0()};
    image.addresses[ip("192.0.2.20")] = {AddressKind::own, under0()};
    image.addresses[ip("192.0.2.21")] = {AddressKind::own, under1()};
    image.addresses[ip("fe80::10")] = {AddressKind::own, under0()};
    image.addresses[ip("fe80::11")] = {AddressKind::own, under1()};
    return image;
}

void Bench::apply(const GroupImage& image) {
    auto outcome = dataplane_.apply({.changed = {{"ipmp0", image}}});
    ASSERT_TRUE(outcome) << outcome.error().text;
}

Bench::Outcome Bench::run(Filter filter, const std::string& link, const Bytes& frame, const Context& context) const {
    UniqueFd program = programs_.find("ipmp0", filter);
    __sk_buff before{}, after{};
    before.ifindex = if_nametoindex(link.c_str());
    before.mark = context.mark;
    before.priority = context.priority;
    before.gso_size = context.gso_size;
    before.gso_segs = context.gso_size ? static_cast<__u32>(frame.size()) / context.gso_size + 1 : 0;
    Bytes out(frame.size() + 64);
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = frame.data();
    options.data_size_in = static_cast<__u32>(frame.size());
    options.data_out = out.data();
    options.data_size_out = static_cast<__u32>(out.size());
    options.ctx_in = &before;
    options.ctx_size_in = sizeof before;
    options.ctx_out = &after;
    options.ctx_size_out = sizeof after;
    options.repeat = 1;
    int failure = bpf_prog_test_run_opts(program.get(), &options);
    EXPECT_EQ(failure, 0) << std::strerror(-failure);
    out.resize(options.data_size_out);
    return {Verdict{options.retval}, out, {after.mark, after.priority, after.gso_size}};
}

UniqueFd Bench::map(const std::string& name) const {
    for (Filter filter : {Filter::steer, Filter::spread}) {
        UniqueFd program = programs_.find("ipmp0", filter);
        __u32 ids[64] = {};
        bpf_prog_info info{};
        info.nr_map_ids = std::size(ids);
        info.map_ids = reinterpret_cast<__u64>(ids);
        __u32 size = sizeof info;
        EXPECT_EQ(bpf_obj_get_info_by_fd(program.get(), &info, &size), 0);
        for (__u32 i = 0; i < info.nr_map_ids; ++i) {
            UniqueFd map(bpf_map_get_fd_by_id(ids[i]));
            bpf_map_info map_info{};
            size = sizeof map_info;
            if (bpf_obj_get_info_by_fd(map.get(), &map_info, &size) == 0 && map_info.name == name) return map;
        }
    }
    ADD_FAILURE() << "no map " << name;
    return {};
}

std::map<std::string, std::uint64_t> Bench::counted() {
    auto now = dataplane_.counters("ipmp0");
    std::map<std::string, std::uint64_t> moved;
    for (const auto& [reason, packets] : now) {
        if (auto more = packets - last_counters_[reason]) moved[reason] = more;
    }
    last_counters_ = now;
    return moved;
}

void Bench::attach(const std::string& link, Filter filter) const {
    LIBBPF_OPTS(bpf_tc_hook, hook);
    hook.ifindex = static_cast<int>(if_nametoindex(link.c_str()));
    hook.attach_point = BPF_TC_INGRESS;
    int created = bpf_tc_hook_create(&hook);
    ASSERT_TRUE(created == 0 || created == -EEXIST) << std::strerror(-created);
    UniqueFd program = programs_.find("ipmp0", filter);
    LIBBPF_OPTS(bpf_tc_opts, options);
    options.handle = 1;
    options.priority = 1;
    options.flags = BPF_TC_F_REPLACE;
    options.prog_fd = program.get();
    int attached = bpf_tc_attach(&hook, &options);
    ASSERT_EQ(attached, 0) << std::strerror(-attached);
}

UniqueFd Bench::open_tap(const std::string& link, std::uint16_t protocol) {
    UniqueFd tap(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    int ignore_outgoing = 1, buffer_bytes = 32 << 20;
    setsockopt(tap.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore_outgoing, sizeof ignore_outgoing);
    setsockopt(tap.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_protocol = htons(protocol);
    where.sll_ifindex = static_cast<int>(if_nametoindex(link.c_str()));
    EXPECT_EQ(bind(tap.get(), reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    return tap;
}

void Bench::send(const std::string& link, const Bytes& frame) {
    static const UniqueFd out(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));  // closing one waits for RCU
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_protocol = htons(static_cast<std::uint16_t>(frame[12] << 8 | frame[13]));
    where.sll_ifindex = static_cast<int>(if_nametoindex(link.c_str()));
    ssize_t sent = sendto(out.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&where), sizeof where);
    ASSERT_EQ(sent, static_cast<ssize_t>(frame.size())) << std::strerror(errno);
}

Bytes Bench::receive(const UniqueFd& tap, int timeout_ms) {
    pollfd wait{tap.get(), POLLIN, 0};
    if (poll(&wait, 1, timeout_ms) <= 0) return {};
    Bytes frame(1 << 16);
    ssize_t size = recv(tap.get(), frame.data(), frame.size(), MSG_DONTWAIT);
    frame.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return frame;
}

}  // namespace ipmp
