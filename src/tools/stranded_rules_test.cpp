// Rules and sockets that a join leaves behind (R-GRP-6, design D13).
#include "tools/stranded_rules.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

TEST(StrandedRules, FindsTheNameAsAWordOnly_R_GRP_6) {
    const char* text =
        "table inet filter {\n"
        "\t\tiifname \"eth0\" accept\n"
        "\t\tiifname \"eth01\" accept\n"
        "\t\tiifname \"veth0\" accept\n"
        "\t\toifname { \"lo\", \"eth0\" } drop\n"
        "-A INPUT -i eth0.5 -j DROP\n"
        "-A INPUT -i eth0 -j DROP\n"
        "udp UNCONN 0 0 0.0.0.0%eth0:68 0.0.0.0:*";
    std::vector<std::string> expected{"iifname \"eth0\" accept", "oifname { \"lo\", \"eth0\" } drop",
                                      "-A INPUT -i eth0 -j DROP", "udp UNCONN 0 0 0.0.0.0%eth0:68 0.0.0.0:*"};
    EXPECT_EQ(lines_naming(text, "eth0"), expected);
    EXPECT_TRUE(lines_naming(text, "eth9").empty());
    EXPECT_TRUE(lines_naming("", "eth0").empty());
}

}  // namespace
}  // namespace ipmp
