#include "wire/announcement.hpp"

#include <algorithm>

#include "wire/frame.hpp"

namespace ipmp {

namespace {

// Who asks what of whom by ARP; all we send are requests.
struct ArpRequest {
    MacAddress destination, sender_mac;
    IpAddress sender;
    MacAddress target_mac;
    IpAddress target;
};

constexpr MacAddress kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

Bytes encode(const ArpRequest& request) {
    auto four = [](const IpAddress& address) { return std::span<const std::uint8_t>(address.bytes.data(), 4); };
    Bytes frame;
    append(frame, request.destination.bytes);
    append(frame, request.sender_mac.bytes);
    append(frame, {0x08, 0x06});
    append(frame, {0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 0x01});  // Ethernet, IPv4, lengths, request
    append(frame, request.sender_mac.bytes);
    append(frame, four(request.sender));
    append(frame, request.target_mac.bytes);
    append(frame, four(request.target));
    return frame;
}

enum : std::uint8_t { kSolicitation = 135, kAdvertisement = 136, kSourceMac = 1, kTargetMac = 2 };

// Type, code, checksum, flags, target; the option, if any, states `mac`.
Bytes neighbour_message(std::uint8_t type, std::uint8_t flags, const IpAddress& target) {
    Bytes message;
    append(message, {type, 0, 0, 0, flags, 0, 0, 0});
    append(message, target.bytes);
    return message;
}

void append_option(Bytes& message, std::uint8_t type, const MacAddress& mac) {
    append(message, {type, 1});  // 8 bytes
    append(message, mac.bytes);
}

Bytes neighbour_frame(const MacAddress& from, const MacAddress& to, const Ipv6Bytes& source,
                      const Ipv6Bytes& destination, Bytes message) {
    put_icmpv6_checksum(message, source, destination);
    Bytes frame;
    append(frame, to.bytes);
    append(frame, from.bytes);
    append(frame, {0x86, 0xdd});
    append(frame, {0x60, 0, 0, 0, 0, static_cast<std::uint8_t>(message.size()), 58, 255});  // ICMPv6, hop limit 255
    append(frame, source);
    append(frame, destination);
    append(frame, message);
    return frame;
}

Bytes unsolicited_advertisement(const IpAddress& address, const MacAddress& mac) {
    constexpr std::uint8_t kOverride = 0x20;
    Bytes message = neighbour_message(kAdvertisement, kOverride, address);
    append_option(message, kTargetMac, mac);
    return neighbour_frame(mac, multicast_mac(kAllNodes), address.bytes, kAllNodes, std::move(message));
}

Bytes solicitation_from_nobody(const IpAddress& address, const MacAddress& mac) {
    Ipv6Bytes solicited_node{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff};
    std::copy(address.bytes.begin() + 13, address.bytes.end(), solicited_node.begin() + 13);
    return neighbour_frame(mac, multicast_mac(solicited_node), {}, solicited_node,
                           neighbour_message(kSolicitation, 0, address));
}

Bytes solicitation_of(const Peer& peer, const IpAddress& address, const MacAddress& mac) {
    Bytes message = neighbour_message(kSolicitation, 0, peer.address);
    append_option(message, kSourceMac, mac);
    return neighbour_frame(mac, peer.mac, address.bytes, peer.address.bytes, std::move(message));
}

Bytes igmp_query(const MacAddress& source) {
    Bytes header;  // with router alert; from nobody, which IGMP alone may do
    append(header, {0x46, 0xc0, 0, 36, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 224, 0, 0, 1, 0x94, 4, 0, 0});
    put_checksum(header, 10, 0);
    Bytes query;  // type, answer within 0.1 s, checksum, all groups, robustness 2, interval 125 s, no sources
    append(query, {0x11, 1, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0});
    put_checksum(query, 2, 0);

    Bytes frame;
    append(frame, {0x01, 0x00, 0x5e, 0x00, 0x00, 0x01});
    append(frame, source.bytes);
    append(frame, {0x08, 0x00});
    append(frame, header);
    append(frame, query);
    return frame;
}

Bytes mld_query(const MacAddress& source) {
    std::array<std::uint8_t, 16> link_local{0xfe, 0x80};  // any other source is ignored
    std::copy(source.bytes.begin(), source.bytes.end(), link_local.begin() + 10);
    Bytes query;  // type, answer within 100 ms, all groups, robustness 2, interval 125 s, no sources
    append(query, {130, 0, 0, 0, 0, 100, 0, 0});
    append(query, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    append(query, {2, 125, 0, 0});
    put_icmpv6_checksum(query, link_local, kAllNodes);

    Bytes frame;
    append(frame, {0x33, 0x33, 0x00, 0x00, 0x00, 0x01});
    append(frame, source.bytes);
    append(frame, {0x86, 0xdd});
    append(frame, {0x60, 0, 0, 0, 0, static_cast<std::uint8_t>(8 + query.size()), 0, 1});  // hop limit 1
    append(frame, link_local);
    append(frame, kAllNodes);
    append(frame, {58, 0, 5, 2, 0, 0, 1, 0});  // hop-by-hop options: router alert, padding
    append(frame, query);
    return frame;
}

}  // namespace

// A request, not a reply: Linux peers ignore replies for a second after the last change.
std::vector<std::uint8_t> encode_announcement(const IpAddress& address, const MacAddress& mac) {
    if (address.family == Family::ipv6) return unsolicited_advertisement(address, mac);
    return encode(ArpRequest{kBroadcast, mac, address, kBroadcast, address});
}

std::vector<std::uint8_t> encode_address_probe(const IpAddress& address, const MacAddress& mac) {
    if (address.family == Family::ipv6) return solicitation_from_nobody(address, mac);
    return encode(ArpRequest{kBroadcast, mac, IpAddress{}, MacAddress{}, address});
}

std::vector<std::uint8_t> encode_peer_question(const IpAddress& address, const MacAddress& mac, const Peer& peer) {
    if (address.family == Family::ipv6) return solicitation_of(peer, address, mac);
    return encode(ArpRequest{peer.mac, mac, address, MacAddress{}, peer.address});
}

std::vector<std::uint8_t> encode_membership_query(Family family, const MacAddress& source) {
    return family == Family::ipv4 ? igmp_query(source) : mld_query(source);
}

}  // namespace ipmp
