#include "wire/memberships.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "wire/frame.hpp"

namespace ipmp {

namespace {

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (true) {
        std::size_t start = line.find_first_not_of(" \t");
        if (start == std::string_view::npos) return words;
        line.remove_prefix(start);
        std::size_t length = std::min(line.find_first_of(" \t"), line.size());
        words.push_back(line.substr(0, length));
        line.remove_prefix(length);
    }
}

template <typename Number>
std::optional<Number> number_of(std::string_view text, int base) {
    Number number{};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc() || end != text.data() + text.size()) return {};
    return number;
}

// "010000E0" on a little-endian machine is 224.0.0.1: the address as the number it is in memory.
std::optional<IpAddress> group4(std::string_view text) {
    auto number = number_of<std::uint32_t>(text, 16);
    if (!number || text.size() != 8) return {};
    IpAddress group{.family = Family::ipv4};
    std::memcpy(group.bytes.data(), &*number, sizeof *number);
    return group;
}

std::optional<IpAddress> group6(std::string_view text) {
    IpAddress group{.family = Family::ipv6};
    if (text.size() != 2 * group.bytes.size()) return {};
    for (std::size_t at = 0; at < group.bytes.size(); ++at) {
        auto byte = number_of<std::uint8_t>(text.substr(2 * at, 2), 16);
        if (!byte) return {};
        group.bytes[at] = *byte;
    }
    return group;
}

bool is_reported(const IpAddress& group) {
    if (group.family == Family::ipv4) return network_of(group, 24) != *parse_ip("224.0.0.0");
    return (group.bytes[1] & 0xf) > 1 && group.bytes != kAllNodes;
}

constexpr std::uint8_t kChangeToInclude = 3;
constexpr std::size_t kHeader4 = 24, kHeader6 = 48;  // with router alert
constexpr std::size_t kReportHeader = 8, kRecord4 = 8, kRecord6 = 20;

// The type, then an empty list of `count` records.
Bytes report_header(std::uint8_t type, std::size_t count) {
    Bytes report{type, 0, 0, 0, 0, 0, 0, 0};
    put_number(report, 6, count);
    return report;
}

// To 224.0.0.`last`; the checksum is filled in.
Bytes igmp_frame(const LeaveMemberships& leave, std::uint8_t last, Bytes message) {
    put_checksum(message, 2, 0);
    Bytes header{0x46, 0xc0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0};  // time to live 1, IGMP
    put_number(header, 2, kHeader4 + message.size());
    append(header, std::span(leave.source.bytes.data(), 4));
    append(header, {224, 0, 0, last, 0x94, 4, 0, 0});
    put_checksum(header, 10, 0);

    Bytes frame{0x01, 0x00, 0x5e, 0x00, 0x00, last};
    append(frame, leave.nic.mac.bytes);
    append(frame, {0x08, 0x00});
    append(frame, header);
    append(frame, message);
    return frame;
}

Bytes report4(const LeaveMemberships& leave, std::span<const IpAddress> groups) {
    Bytes report = report_header(0x22, groups.size());
    for (const IpAddress& group : groups) {
        append(report, {kChangeToInclude, 0, 0, 0});
        append(report, std::span(group.bytes.data(), 4));
    }
    return igmp_frame(leave, 22, std::move(report));
}

// IGMP version 2, Leave Group.
Bytes leave4(const LeaveMemberships& leave, const IpAddress& group) {
    Bytes message{0x17, 0, 0, 0};
    append(message, std::span(group.bytes.data(), 4));
    return igmp_frame(leave, 2, std::move(message));
}

Bytes report6(const LeaveMemberships& leave, std::span<const IpAddress> groups) {
    constexpr Ipv6Bytes kRouters{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16};
    Bytes report = report_header(143, groups.size());
    for (const IpAddress& group : groups) {
        append(report, {kChangeToInclude, 0, 0, 0});
        append(report, group.bytes);
    }
    put_icmpv6_checksum(report, leave.source.bytes, kRouters);

    Bytes header{0x60, 0, 0, 0, 0, 0, 0, 1};  // hop-by-hop options, hop limit 1
    put_number(header, 4, 8 + report.size());
    append(header, leave.source.bytes);
    append(header, kRouters);
    append(header, {58, 0, 5, 2, 0, 0, 1, 0});  // ICMPv6 follows; router alert, padding

    Bytes frame;
    append(frame, multicast_mac(kRouters).bytes);
    append(frame, leave.nic.mac.bytes);
    append(frame, {0x86, 0xdd});
    append(frame, header);
    append(frame, report);
    return frame;
}

}  // namespace

// IPv4: a line per link, "4  eth0  : 1  V3", then one for each group, indented. IPv6: index, name, group in a line.
std::set<IpAddress> joined_groups(Family family, std::string_view text, InterfaceIndex link) {
    std::set<IpAddress> groups;
    std::optional<std::uint32_t> index;
    while (!text.empty()) {
        std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        std::vector<std::string_view> words = words_of(line);
        if (words.empty()) continue;
        bool of_the_same = family == Family::ipv4 && (line.front() == ' ' || line.front() == '\t');
        if (!of_the_same) index = number_of<std::uint32_t>(words.front(), 10);
        if (index != link.value) continue;
        std::optional<IpAddress> group;
        if (of_the_same) group = group4(words.front());
        if (family == Family::ipv6 && words.size() > 2) group = group6(words[2]);
        if (group && group->is_multicast()) groups.insert(*group);
    }
    return groups;
}

std::set<IpAddress> groups_to_leave(const LeaveMemberships& leave, std::string_view upper_text,
                                    std::string_view nic_text) {
    std::set<IpAddress> groups = joined_groups(leave.family, upper_text, leave.upper);
    std::set<IpAddress> own = joined_groups(leave.family, nic_text, leave.nic.index);
    std::erase_if(groups, [&](const IpAddress& group) { return own.contains(group) || !is_reported(group); });
    return groups;
}

IgmpVersion igmp_version(std::string_view text, InterfaceIndex link) {
    while (!text.empty()) {
        std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        std::vector<std::string_view> words = words_of(line);
        bool of_a_link = !words.empty() && line.front() != ' ' && line.front() != '\t';
        if (!of_a_link || number_of<std::uint32_t>(words.front(), 10) != link.value) continue;
        if (words.back() == "V1") return IgmpVersion::v1;
        return words.back() == "V2" ? IgmpVersion::v2 : IgmpVersion::v3;
    }
    return IgmpVersion::v3;
}

std::vector<std::vector<std::uint8_t>> encode_leave_reports(const LeaveMemberships& leave,
                                                            const std::set<IpAddress>& groups, IgmpVersion version) {
    bool is_ipv4 = leave.family == Family::ipv4;
    if (is_ipv4 && version != IgmpVersion::v3) {
        std::vector<Bytes> messages;
        for (const IpAddress& group : groups) {
            if (version == IgmpVersion::v2) messages.push_back(leave4(leave, group));
        }
        return messages;
    }
    std::size_t headers = kReportHeader + (is_ipv4 ? kHeader4 : kHeader6);
    std::size_t room = std::max<std::size_t>(leave.mtu_bytes, headers) - headers;
    std::size_t per_frame = std::max<std::size_t>(1, room / (is_ipv4 ? kRecord4 : kRecord6));
    std::vector<IpAddress> list(groups.begin(), groups.end());
    std::vector<Bytes> frames;
    for (std::span<const IpAddress> rest(list); !rest.empty(); rest = rest.subspan(std::min(per_frame, rest.size()))) {
        auto part = rest.first(std::min(per_frame, rest.size()));
        frames.push_back(is_ipv4 ? report4(leave, part) : report6(leave, part));
    }
    return frames;
}

}  // namespace ipmp
