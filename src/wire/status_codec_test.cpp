#include "wire/status_codec.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace ipmp {
namespace {

// Statuses with every field at random, so that one forgotten by the codec is noticed.
class Generator {
  public:
    explicit Generator(unsigned seed) : engine_(seed) {}

    Status status() {
        return {list<GroupStatus>([&] { return group(); }), list<InterfaceStatus>([&] { return interface(); }),
                list<AddressStatus>([&] { return address(); }), list<TargetStatus>([&] { return target(); }),
                list<PlumbedInterface>([&] { return plumbed(); }),
                list<ProxyStatus>([&] { return ProxyStatus{ip(), name(), name()}; }),
                list<DhcpStatus>([&] { return dhcp(); }), list<Decision>([&] { return decision(); })};
    }

  private:
    std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(engine_()) % limit; }
    bool coin() { return below(2) == 1; }
    std::string name() { return "nic" + std::to_string(below(1000)); }
    template <class T, class Make>
    std::vector<T> list(Make make) {
        std::vector<T> result(below(4));
        for (T& element : result) element = make();
        return result;
    }
    std::vector<std::string> names() {
        return list<std::string>([&] { return name(); });
    }
    GroupStatus group() {
        GroupStatus result{name(), "a b\"\\" + name(), static_cast<GroupHealth>(below(3)), {}, names(), names(),
                           names(), static_cast<SpreadPolicy>(below(4))};
        if (coin()) result.failure_detection_time_ms = below(100000);
        return result;
    }
    InterfaceStatus interface() {
        return {name(),
                below(1000),
                coin(),
                name(),
                coin(),
                coin(),
                coin(),
                coin(),
                coin(),
                coin(),
                coin(),
                static_cast<LinkHealth>(below(3)),
                static_cast<ProbeHealth>(below(4)),
                static_cast<InterfaceHealth>(below(4))};
    }
    Decision decision() {
        return {below(1000),
                below(1000),
                static_cast<DecisionObject>(below(3)),
                name(),
                name(),
                static_cast<DecisionKind>(below(15)),
                static_cast<DecisionReason>(below(21)),
                name(),
                name(),
                name()};
    }
    IpAddress ip() {
        IpAddress result{coin() ? Family::ipv4 : Family::ipv6, {}};
        for (std::size_t i = 0; i < result.size_bytes(); ++i) result.bytes[i] = static_cast<std::uint8_t>(below(256));
        return result;
    }
    AddressStatus address() {
        AddressStatus result{ip(), coin(), name(), name(), names(), {}};
        if (coin()) result.rebind = RebindStatus{name(), below(1000), below(9), below(9), below(9), below(1000)};
        return result;
    }
    TargetStatus target() {
        TargetStatus result{name(), static_cast<TargetMode>(below(3)), {}, list<IpAddress>([&] { return ip(); })};
        if (coin()) result.test_address = ip();
        return result;
    }
    LogicalStatus logical() {
        std::uint64_t flags = (std::uint64_t{below(1 << 11)} << 32) | below(0xffffffff);
        LogicalStatus result{below(100), flags, ip(), static_cast<std::uint8_t>(below(129)), {}};
        if (coin()) result.broadcast = ip();
        return result;
    }
    DhcpStatus dhcp() {
        DhcpStatus result{name(), below(9), coin() ? Family::ipv4 : Family::ipv6, static_cast<DhcpPhase>(below(5)),
                          coin(), {}, {}, {}, {}};
        if (coin()) result.address = ip();
        for (auto* time : {&result.began_ms, &result.renews_ms, &result.expires_ms}) {
            if (coin()) *time = below(1000000);
        }
        return result;
    }
    PlumbedInterface plumbed() {
        PlumbedInterface result{name(), below(1000), coin() ? name() : "", {}, {}, {}};
        if (coin()) result.mac = MacAddress{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(below(256))}};
        for (auto* family : {&result.inet, &result.inet6}) {
            if (coin()) *family = {below(9001), list<LogicalStatus>([&] { return logical(); })};
        }
        return result;
    }

    std::mt19937 engine_;
};

TEST(StatusCodec, EveryStatusSurvivesTheRoundTrip_R_STA_1) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        Status status = Generator(seed).status();
        auto text = status_to_json(status).dump();
        auto again = status_from_json(nlohmann::json::parse(text));
        ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().text;
        EXPECT_EQ(*again, status) << "seed " << seed << ": " << text;
    }
}

TEST(StatusCodec, NewsSurvivesTheRoundTrip_R_VIS_2) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        Generator generator(seed);
        StatusNews news{seed % 2 == 1, generator.status(), generator.status()};
        auto text = status_news_to_json(news).dump();
        auto again = status_news_from_json(nlohmann::json::parse(text));
        ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().text;
        EXPECT_EQ(*again, news) << "seed " << seed << ": " << text;
    }
}

TEST(StatusCodec, FieldsOfANewerDaemonAreSkipped) {
    auto json = status_to_json(Status{});
    json["weather"] = "fine";
    EXPECT_TRUE(status_from_json(json));
}

TEST(StatusCodec, NamesTheDamagedPlace) {
    Status status;
    status.groups = {{"ipmp0", "a"}, {"ipmp1", "b"}};
    auto json = status_to_json(status);
    json["groups"][1]["state"] = "fine";
    auto result = status_from_json(json);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().text, "status of the daemon: groups[1].state: is not one of its values");
    EXPECT_FALSE(status_from_json(nlohmann::json(7)));
    EXPECT_FALSE(status_from_json(nlohmann::json()));
}

}  // namespace
}  // namespace ipmp
