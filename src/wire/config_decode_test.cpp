#include "wire/config_decode.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

using std::chrono::milliseconds;
using Messages = std::vector<std::string>;

TEST(ConfigDecode, EmptyFileGivesDefaults_R_DET_5) {
    auto decoded = decode_config("");
    EXPECT_EQ(decoded.config, Config{});
    EXPECT_TRUE(decoded.messages.empty());
}

TEST(ConfigDecode, ReadsEveryVariable_R_DET_5) {
    auto decoded = decode_config(
        "# comment\n"
        "#FAILBACK=yes\n"
        "  failure_detection_time=0x1388\n"
        "FAILBACK=No\n"
        "TRACK_INTERFACES_ONLY_WITH_GROUPS=no\n"
        "GROUP_FAILURE=Down\n"
        "FAST_PATH=yes\n"
        "SUSPICION_PROBES=no\n"
        "LINK_UPS_PER_MINUTE=0\n"
        "DUPLICATE_ADDRESS_PROBES=5\n"
        "ANNOUNCEMENTS_PER_SECOND=20000\n"
        "FILTER_PRIORITY=0x10");
    Config expected{.failure_detection_time = milliseconds(5000), .failback = false, .track_only_groups = false};
    expected.group_failure = GroupFailure::down;
    expected.suspicion_probes = false;
    expected.fast_path = true;
    expected.link_ups_per_minute = 0;
    expected.duplicate_address_probes = 5;
    expected.announcements_per_second = 20000;
    expected.filter_priority = 16;
    EXPECT_EQ(decoded.config, expected);
    EXPECT_TRUE(decoded.messages.empty());
}

TEST(ConfigDecode, FirstLineWinsAndNoBlankBeforeTheSign) {
    auto decoded = decode_config("FAILBACK =no\nFAILURE_DETECTION_TIME=200\nFAILURE_DETECTION_TIME=300\n");
    EXPECT_EQ(decoded.config, (Config{milliseconds(200)}));
    EXPECT_TRUE(decoded.messages.empty());
}

struct TimeCase {
    const char* value;
    long expected_ms;  // as long as a pointer: GoogleTest prints all bytes, and would those of a gap
    const char* message;
};

class DetectionTime : public testing::TestWithParam<TimeCase> {};

TEST_P(DetectionTime, IsJudgedAsDocumented_R_DET_5) {
    const TimeCase& c = GetParam();
    auto decoded = decode_config("FAILURE_DETECTION_TIME=" + std::string(c.value) + "\n");
    EXPECT_EQ(decoded.config.failure_detection_time, milliseconds(c.expected_ms));
    EXPECT_EQ(decoded.messages, c.message ? Messages{c.message} : Messages{});
}

INSTANTIATE_TEST_SUITE_P(
    Values, DetectionTime,
    testing::Values(TimeCase{"100", 100, nullptr}, TimeCase{"250ms", 250, nullptr},
                    TimeCase{"2147483647", 2147483647, nullptr},
                    TimeCase{"99", 100, "Too small failure detection time of 99, assuming minimum of 100 ms"},
                    TimeCase{"0", 10000, "Invalid failure detection time of 0, assuming default of 10000 ms"},
                    TimeCase{"-5", 10000, "Invalid failure detection time of -5, assuming default of 10000 ms"},
                    TimeCase{"soon", 10000, "Invalid failure detection time of soon, assuming default of 10000 ms"},
                    TimeCase{"", 10000, "Invalid failure detection time of , assuming default of 10000 ms"},
                    TimeCase{"99999999999999999999", 10000,
                             "Invalid failure detection time of 99999999999999999999, assuming default of 10000 ms"}));

TEST(ConfigDecode, BadWordsKeepDefaults_R_DET_5) {
    auto decoded = decode_config("FAILBACK=maybe\nTRACK_INTERFACES_ONLY_WITH_GROUPS=no \nLINK_UPS_PER_MINUTE=-1\n");
    EXPECT_EQ(decoded.config, Config{});
    EXPECT_EQ(decoded.messages,
              (Messages{"Invalid value for FAILBACK maybe", "Invalid value for TRACK_INTERFACES_ONLY_WITH_GROUPS no ",
                        "Invalid value for LINK_UPS_PER_MINUTE -1"}));
}

TEST(ConfigDecode, LinkUpsPerMinute_R_DET_7) {
    EXPECT_EQ(decode_config("LINK_UPS_PER_MINUTE=5\n").config.link_ups_per_minute, 5u);
    EXPECT_EQ(decode_config("LINK_UPS_PER_MINUTE=many\n").config.link_ups_per_minute, 2u);
    for (const char* value : {"0", "65536", "first", ""}) {
        auto decoded = decode_config(std::string("FILTER_PRIORITY=") + value + "\n");
        EXPECT_EQ(decoded.config.filter_priority, kDefaultFilterPriority) << value;
        EXPECT_EQ(decoded.messages, Messages{std::string("Invalid value for FILTER_PRIORITY ") + value});
    }
}

TEST(ConfigDecode, R_ADR_6_DuplicateAddressProbes) {
    auto probes = [](const char* value) {
        auto decoded = decode_config(std::string("DUPLICATE_ADDRESS_PROBES=") + value + "\n");
        return std::pair(decoded.config.duplicate_address_probes, decoded.messages);
    };
    EXPECT_EQ(probes("0"), std::pair(0u, Messages{}));
    EXPECT_EQ(probes("20"), std::pair(20u, Messages{}));
    EXPECT_EQ(probes("21"), std::pair(3u, Messages{"Invalid value for DUPLICATE_ADDRESS_PROBES 21"}));
    EXPECT_EQ(probes("-1"), std::pair(3u, Messages{"Invalid value for DUPLICATE_ADDRESS_PROBES -1"}));
    EXPECT_EQ(probes("few"), std::pair(3u, Messages{"Invalid value for DUPLICATE_ADDRESS_PROBES few"}));
}

TEST(ConfigDecode, HostileTextIsHarmless) {
    std::string text(100000, 'F');
    text += std::string("\n\0=\n", 4) + "FAILBACK=" + std::string(5000, 'x');
    auto decoded = decode_config(text);
    EXPECT_EQ(decoded.config, Config{});
    ASSERT_EQ(decoded.messages.size(), 1u);
    EXPECT_LT(decoded.messages[0].size(), 200u);
}

}  // namespace
}  // namespace ipmp
