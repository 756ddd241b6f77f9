// The address splitter: which words stay on a NIC and which can move, as a table (R-DYN-2, R-DYN-3).
#include "tools/address_splitter.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace ipmp {
namespace {

Words words(const std::string& text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
}

std::string join(const std::vector<Words>& lines) {
    std::string text;
    for (const Words& line : lines) {
        if (!text.empty()) text += " | ";
        for (std::size_t i = 0; i < line.size(); ++i) text += (i ? " " : "") + line[i];
    }
    return text;
}

std::vector<Words> movable_lines(const SplitLine& line) {
    std::vector<Words> lines;
    for (std::size_t i = 0; i < line.sets.size(); ++i) {
        if (!line.sets[i].fixed && !line.sets[i].address.empty()) lines.push_back(words_of(line.sets[i], false));
    }
    return lines;
}

struct Row {
    Family family;
    const char* line;
    const char* stays;
    const char* moves;
};

constexpr Row kRows[] = {
    {Family::ipv4, "", "", ""},
    {Family::ipv4, "group ops", "group ops", ""},
    {Family::ipv4, "up", "up", ""},
    {Family::ipv4, "group ops up", "group ops up", ""},
    {Family::ipv4, "192.0.2.1/24 up", "", "addif 192.0.2.1/24 up"},
    {Family::ipv4, "set 192.0.2.1/24 up", "", "addif 192.0.2.1/24 up"},
    {Family::ipv4, "host1", "", "addif host1"},
    {Family::ipv4, "group ops 192.0.2.1/24 up", "group ops", "addif 192.0.2.1/24 up"},
    {Family::ipv4, "group ops -failover 192.0.2.20/24", "group ops set 192.0.2.20/24 -failover", ""},
    {Family::ipv4, "192.0.2.20/24 -failover up group ops", "group ops set 192.0.2.20/24 -failover up", ""},
    {Family::ipv4, "group ops -failover standby 192.0.2.22/24", "group ops standby set 192.0.2.22/24 -failover", ""},
    {Family::ipv4, "192.0.2.1/24 -failover failover up", "", "addif 192.0.2.1/24 -failover failover up"},
    {Family::ipv4, "192.0.2.1/24 failover -failover up", "set 192.0.2.1/24 failover -failover up", ""},
    {Family::ipv4, "group ops 192.0.2.30/24 up addif 192.0.2.31/24 -failover deprecated",
     "group ops | addif 192.0.2.31/24 -failover deprecated", "addif 192.0.2.30/24 up"},
    {Family::ipv4, "group ops -failover 192.0.2.20/24 up addif 192.0.2.1/24 up addif 192.0.2.2/24 up",
     "group ops set 192.0.2.20/24 -failover up", "addif 192.0.2.1/24 up | addif 192.0.2.2/24 up"},
    {Family::ipv4, "mtu 9000 192.0.2.1 netmask 255.255.255.0 broadcast + up", "mtu 9000",
     "addif 192.0.2.1 netmask 255.255.255.0 broadcast + up"},
    {Family::ipv4, "192.0.2.1 netmask 255.255.255.0 up addif 192.0.2.2 up addif 192.0.2.3/25 up", "",
     "addif 192.0.2.1 netmask 255.255.255.0 up | addif 192.0.2.2 netmask 255.255.255.0 up | addif 192.0.2.3/25 up"},
    {Family::ipv4, "192.0.2.1 192.0.2.2 up", "", "addif 192.0.2.1 destination 192.0.2.2 up"},
    {Family::ipv4, "set 192.0.2.1 destination 192.0.2.2 up", "", "addif 192.0.2.1 destination 192.0.2.2 up"},
    {Family::ipv4, "dhcp start wait 0", "dhcp start wait 0", ""},
    {Family::ipv4, "group ops auto-dhcp primary", "group ops auto-dhcp primary", ""},
    {Family::ipv4, "plumb metric 2 ether 2:0:0:0:0:1 router 192.0.2.1/24 deprecated private up",
     "plumb metric 2 ether 2:0:0:0:0:1 router", "addif 192.0.2.1/24 deprecated private up"},
    {Family::ipv4, "192.0.2.1/24 addif 192.0.2.2/24 mtu 1400 up", "mtu 1400",
     "addif 192.0.2.1/24 | addif 192.0.2.2/24 up"},
    {Family::ipv6, "group ops -failover up", "group ops -failover up", ""},
    {Family::ipv6, "addif 2001:db8::10/64 up", "", "addif 2001:db8::10/64 up"},
    {Family::ipv6, "token ::7/64 group ops -failover up addif 2001:db8::10/64 up",
     "token ::7/64 group ops -failover up", "addif 2001:db8::10/64 up"},
};

TEST(AddressSplitter, R_DYN_2_R_DYN_3_WhatStaysAndWhatMoves) {
    for (const Row& row : kRows) {
        auto split = split_line(words(row.line), row.family);
        ASSERT_TRUE(split) << row.line << ": " << split.error().text;
        EXPECT_EQ(join(fixed_lines(*split)), row.stays) << row.line;
        EXPECT_EQ(join(movable_lines(*split)), row.moves) << row.line;
    }
}

TEST(AddressSplitter, WhatItCannotSplitItSays) {
    for (const char* line : {"192.0.2.1 addif 192.0.2.2 group ops", "addif 192.0.2.2 router", "group", "addif",
                             "addif 192.0.2.2 removeif 192.0.2.1", "1.1.1.1 2.2.2.2 3.3.3.3"}) {
        EXPECT_FALSE(split_line(words(line), Family::ipv4)) << line;
    }
    EXPECT_FALSE(split_line(words("netmask 255.255.255.0"), Family::ipv6));
}

}  // namespace
}  // namespace ipmp
