// Which entries of a neighbour table are hosts that can be asked.
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "wire/rtnetlink_decode.hpp"

namespace ipmp {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Entry {
    std::uint16_t type = RTM_NEWNEIGH;
    int state = NUD_REACHABLE;
    std::uint8_t flags = 0;
    int link = 7;
    std::string address = "192.0.2.9";
    std::size_t mac_bytes = 6;
};

// As the kernel would write it.
Bytes message(const Entry& entry) {
    alignas(8) std::uint8_t buffer[512] = {};
    nlmsghdr* header = mnl_nlmsg_put_header(buffer);
    header->nlmsg_type = entry.type;
    auto* neighbour = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ndmsg)));
    IpAddress address = *parse_ip(entry.address);
    neighbour->ndm_family = address.family == Family::ipv4 ? AF_INET : AF_INET6;
    neighbour->ndm_ifindex = entry.link;
    neighbour->ndm_state = static_cast<std::uint16_t>(entry.state);
    neighbour->ndm_flags = entry.flags;
    mnl_attr_put(header, NDA_DST, address.size_bytes(), address.bytes.data());
    const std::uint8_t mac[20] = {2, 0, 0, 0, 0, 9};
    if (entry.mac_bytes) mnl_attr_put(header, NDA_LLADDR, entry.mac_bytes, mac);
    return {buffer, buffer + header->nlmsg_len};
}

TEST(DecodeNeighbour, GivesLinkAddressAndMac) {
    NeighbourState expected{{7}, {*parse_ip("192.0.2.9"), *parse_mac("02:00:00:00:00:09")}};
    EXPECT_EQ(decode_neighbour(message({})), expected);
    expected.peer.address = *parse_ip("fe80::9");
    EXPECT_EQ(decode_neighbour(message({.address = "fe80::9"})), expected);
}

TEST(DecodeNeighbour, TakesEveryStateInWhichTheMacIsOrWasRight) {
    for (int state : {NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE, NUD_PERMANENT})
        EXPECT_TRUE(decode_neighbour(message({.state = state}))) << state;
    for (int state : {NUD_NONE, NUD_INCOMPLETE, NUD_FAILED, NUD_NOARP})
        EXPECT_FALSE(decode_neighbour(message({.state = state}))) << state;
}

TEST(DecodeNeighbour, LeavesOutWhatIsNoHost) {
    EXPECT_FALSE(decode_neighbour(message({.type = RTM_DELNEIGH})));
    EXPECT_FALSE(decode_neighbour(message({.flags = NTF_PROXY})));
    EXPECT_FALSE(decode_neighbour(message({.link = 0})));
    EXPECT_FALSE(decode_neighbour(message({.address = "224.0.0.251"})));
    EXPECT_FALSE(decode_neighbour(message({.address = "ff02::fb"})));
    EXPECT_FALSE(decode_neighbour(message({.mac_bytes = 0})));
    EXPECT_FALSE(decode_neighbour(message({.mac_bytes = 20})));  // InfiniBand
}

TEST(DecodeNeighbour, AMessageCutAnywhereGivesNothing) {
    Bytes whole = message({.address = "2001:db8::9"});
    ASSERT_TRUE(decode_neighbour(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(decode_neighbour(cut)) << size;
    }
}

TEST(DecodeNeighbour, AnyByteMayHaveAnyValue) {
    Bytes whole = message({});
    std::size_t decoded = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
        for (int value = 0; value < 256; ++value) {
            Bytes changed = whole;
            changed[i] = static_cast<std::uint8_t>(value);
            decoded += decode_neighbour(changed).has_value();
        }
    }
    EXPECT_GT(decoded, 0u);
}

}  // namespace
}  // namespace ipmp
