#include "core/network_time.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

using namespace std::chrono_literals;

TEST(NetworkTime, IsNotShownWhenTheWallClockWasSetMeanwhile_R_STA_2) {
    EXPECT_EQ(credible_network_time(20us, 100us), Duration(20us));
    EXPECT_EQ(credible_network_time(0us, 0us), Duration(0us));
    EXPECT_EQ(credible_network_time(-1ns, 100us), std::nullopt);
    EXPECT_EQ(credible_network_time(3600s, 100us), std::nullopt);
    EXPECT_EQ(credible_network_time(std::nullopt, 100us), std::nullopt);
}

}  // namespace
}  // namespace ipmp
