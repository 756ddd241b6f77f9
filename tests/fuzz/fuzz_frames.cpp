// Frames for the programs in the kernel: ARP, neighbour discovery, IPv4, IPv6 with its headers, DHCP, IGMP, MLD. The
// kernel's verifier has proved that they read nothing outside; here it is shown that whatever a frame holds, it goes to
// one place of the group or stays, is changed in no byte that is none of ours, and makes nobody believe anything of a
// member. Compiled for this machine from the same sources (native_filters.c).
//
// Input: four bytes that choose settings, then the frame.
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/check.hpp"
#include "base/ip_address.hpp"
#include "native_filters.h"

namespace {

constexpr std::uint32_t kLower = 9;                   // interface index of the lower end
constexpr int kPass = -1, kDrop = 2, kRedirect = 7;   // TC_ACT_*
constexpr std::size_t kMostBytes = 2048;
using Mac = std::array<std::uint8_t, IPMP_MAC_BYTES>;
constexpr Mac kUpperMac{2, 0, 0, 0, 0, 9};

// Drivers place a frame so that what follows the Ethernet header is aligned (NET_IP_ALIGN).
std::uint8_t* low_memory() {
    constexpr std::size_t kAlign = 2;
    static auto* memory = static_cast<std::uint8_t*>(
        mmap(nullptr, kMostBytes + kAlign, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    IPMP_CHECK(memory != MAP_FAILED);
    return memory + kAlign;
}

ipmp_address_key key_of(const char* text) {
    ipmp::IpAddress address = *ipmp::parse_ip(text);
    ipmp_address_key key{};
    key.family = address.family == ipmp::Family::ipv4 ? 4 : 6;
    std::copy(address.bytes.begin(), address.bytes.end(), key.bytes);
    return key;
}

native_group group_of(const std::uint8_t* choices) {
    native_group group{};
    group.settings.lower_ifindex = kLower;
    group.settings.nominee[0] = choices[0] & 3;
    group.settings.nominee[1] = choices[0] >> 2 & 3;
    group.settings.forwards = choices[0] >> 4 & 3;
    group.settings.policy = choices[0] >> 6 & 3;
    std::copy(kUpperMac.begin(), kUpperMac.end(), group.settings.upper_mac);
    for (std::uint32_t row = 1; row < 4; ++row) group.nics[row] = {10 + row, {2, 0, 0, 0, 0, std::uint8_t(row)}, 0};
    for (std::size_t slot = 0; slot < std::size(group.slots); ++slot) group.slots[slot] = slot % 4;
    const struct {
        const char* text;
        std::uint32_t row, kind;
    } entries[] = {{"192.0.2.1", 1, IPMP_ADDRESS_DATA},   {"192.0.2.2", 0, IPMP_ADDRESS_DATA},
                   {"192.0.2.20", 1, IPMP_ADDRESS_OWN},   {"192.0.2.21", 2, IPMP_ADDRESS_OWN},
                   {"2001:db8::1", 2, IPMP_ADDRESS_DATA}, {"2001:db8::20", 1, IPMP_ADDRESS_OWN},
                   {"fe80::1", 2, IPMP_ADDRESS_OWN}};
    for (const auto& entry : entries) {
        group.addresses[group.address_count++] = {key_of(entry.text), {entry.row, entry.kind}};
    }
    return group;
}

bool is_member(const native_group& group, const std::uint8_t* mac) {
    return std::any_of(group.nics + 1, group.nics + 4,
                       [&](const ipmp_nic& nic) { return std::equal(nic.mac, nic.mac + IPMP_MAC_BYTES, mac); });
}

bool is_data(const native_group& group, const ipmp_address_key& key) {
    return std::any_of(group.addresses, group.addresses + group.address_count, [&](const auto& entry) {
        return entry.address.kind == IPMP_ADDRESS_DATA && std::memcmp(&entry.key, &key, sizeof key) == 0;
    });
}

void check_steer(const native_group& group, const native_outcome& outcome, std::vector<std::uint8_t> before,
                 const std::vector<std::uint8_t>& after) {
    IPMP_CHECK(outcome.verdict == kPass || outcome.verdict == kDrop || outcome.verdict == kRedirect);
    if (outcome.verdict == kRedirect) {
        IPMP_CHECK(outcome.redirected_to == kLower);
        bool to_many = before[0] & 1;
        IPMP_CHECK(!to_many || !is_member(group, &before[6]));  // an echo
        if (!to_many) std::copy(kUpperMac.begin(), kUpperMac.end(), before.begin());
    }
    IPMP_CHECK(before == after);
    IPMP_CHECK(outcome.copies <= 1 && (outcome.copies == 0 || outcome.copied_to == kLower));
    IPMP_CHECK(outcome.copies == 0 || outcome.verdict == kPass);
    IPMP_CHECK(outcome.events <= 1 && outcome.peers <= 1);
    if (outcome.events) {
        IPMP_CHECK(is_data(group, outcome.event.address));
        IPMP_CHECK(outcome.event.kind == IPMP_EVENT_ANSWER || !is_member(group, &before[6]));
    }
    if (outcome.peers) {
        IPMP_CHECK(is_data(group, outcome.peer_key.address));
        IPMP_CHECK(!(outcome.peer.mac[0] & 1) && !is_member(group, outcome.peer.mac));
    }
}

// Of an ICMPv6 message and its pseudo header, as it lies in the frame; 0xffff: right.
std::uint32_t checksum(const std::vector<std::uint8_t>& frame) {
    std::uint32_t sum = 58, payload = static_cast<std::uint32_t>(frame.size() - 54);
    sum += payload;
    for (std::size_t at = 22; at < frame.size(); ++at) sum += at & 1 ? frame[at] : frame[at] * 256u;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

void check_spread(const native_group& group, const native_outcome& outcome, const std::vector<std::uint8_t>& before,
                  const std::vector<std::uint8_t>& after) {
    IPMP_CHECK(outcome.verdict == kDrop || outcome.verdict == kRedirect);
    IPMP_CHECK(outcome.copies == 0 && outcome.events == 0 && outcome.peers == 0);
    if (outcome.verdict == kDrop) return;
    auto* nic = std::find_if(group.nics + 1, group.nics + 4,
                             [&](const ipmp_nic& one) { return one.ifindex == outcome.redirected_to; });
    IPMP_CHECK(nic != group.nics + 4);
    IPMP_CHECK(std::equal(nic->mac, nic->mac + IPMP_MAC_BYTES, &after[6]));
    IPMP_CHECK(std::equal(before.begin(), before.begin() + 6, after.begin()));
    bool arp = before[12] == 0x08 && before[13] == 0x06;
    if (arp) return IPMP_CHECK(std::equal(nic->mac, nic->mac + IPMP_MAC_BYTES, &after[22]));
    bool discovery = before.size() > 54 && before[12] == 0x86 && before[13] == 0xdd && before[20] == 58;
    if (!discovery) return IPMP_CHECK(std::equal(before.begin() + 12, before.end(), after.begin() + 12));
    std::size_t payload_bytes = before[18] * 256u + before[19];
    bool whole = before.size() == 54 + payload_bytes;
    if (whole && checksum(before) == 0xffff) IPMP_CHECK(checksum(after) == 0xffff);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 4 + 14 || size > kMostBytes) return 0;
    native_group group = group_of(data);
    std::vector<std::uint8_t> before(data + 4, data + size);
    for (int program : {NATIVE_STEER, NATIVE_SPREAD}) {
        std::uint8_t* memory = low_memory();
        std::copy(before.begin(), before.end(), memory);
        auto length = static_cast<std::uint32_t>(before.size());
        // Some drivers have only the beginning of a frame in one piece.
        native_frame frame{memory, length, data[1] ? std::min<std::uint32_t>(length, 14u + data[1]) : length};
        std::uint32_t link = program == NATIVE_STEER ? 11 + data[2] % 3 : kLower;
        native_outcome outcome = native_run(program, &frame, link, data[3], std::uint64_t{1} << 40, &group);
        std::vector<std::uint8_t> after(memory, memory + before.size());
        if (program == NATIVE_STEER) check_steer(group, outcome, before, after);
        else check_spread(group, outcome, before, after);
    }
    return 0;
}
