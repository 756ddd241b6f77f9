// When `ipmp wait-online` has waited long enough, as far as a status tells.
#include "tools/wait_online.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

using Words = std::vector<std::string>;

class WaitOnline : public testing::Test {
  protected:
    WaitOnline() {
        status_.groups = {{.interface = "ipmp0", .name = "front", .state = GroupHealth::ok},
                          {.interface = "ipmp1", .name = "back", .state = GroupHealth::degraded}};
        add_address("192.0.2.1", "ipmp0");
        add_address("2001:db8::1", "ipmp1");
    }
    void add_address(const char* address, const char* group) {
        status_.addresses.push_back({.address = *parse_ip(address), .up = true, .group = group, .inbound = "eth0"});
    }
    Status status_;
};

TEST_F(WaitOnline, AGroupThatWorksWithAnAddressIsUsable) {
    EXPECT_EQ(not_usable(status_, ""), Words{});
    EXPECT_EQ(not_usable(status_, "ipmp0"), Words{});
    EXPECT_EQ(not_usable(status_, "back"), Words{});
}

TEST_F(WaitOnline, EachGroupCountsUnlessOneIsNamed) {
    status_.groups[1].state = GroupHealth::failed;
    EXPECT_EQ(not_usable(status_, ""), Words{"back has failed"});
    EXPECT_EQ(not_usable(status_, "front"), Words{});
}

TEST_F(WaitOnline, AnAddressMustBeUpAndBoundAndMoreThanLinkLocal) {
    const Words missing{"front has no data address in use"};
    status_.addresses[0].up = false;
    EXPECT_EQ(not_usable(status_, ""), missing);
    status_.addresses[0].up = true;
    status_.addresses[0].inbound.clear();
    EXPECT_EQ(not_usable(status_, ""), missing);
    add_address("fe80::1", "ipmp0");
    EXPECT_EQ(not_usable(status_, ""), missing);
    add_address("2001:db8::2", "ipmp0");
    EXPECT_EQ(not_usable(status_, ""), Words{});
}

TEST_F(WaitOnline, AGroupThatIsNotThereIsWaitedForIfItIsNamed) {
    EXPECT_EQ(not_usable(status_, "ipmp7"), Words{"there is no group ipmp7"});
    EXPECT_EQ(not_usable(Status{}, ""), Words{});
}

}  // namespace
}  // namespace ipmp
