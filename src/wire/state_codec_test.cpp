#include "wire/state_codec.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace ipmp {
namespace {

// States with every kept field at random and every transient one at its default.
class Generator {
  public:
    explicit Generator(unsigned seed) : engine_(seed) {}

    State state() {
        State result;
        for (std::uint32_t i = below(3); i > 0; --i) {
            Group g = group("ipmp" + std::to_string(i));
            result.groups[g.interface] = g;
        }
        for (std::uint32_t i = below(4); i > 0; --i) {
            Interface x = interface("eth" + std::to_string(i));
            result.interfaces[x.name] = x;
        }
        for (std::uint32_t i = below(3); i > 0; --i) result.dhcp_clients.push_back(dhcp_client());
        result.named_places = {{"app", Place{2}}, {"other.one", Place{kMostPlaces - 1}}};
        return result;
    }

  private:
    std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(engine_()) % limit; }
    bool coin() { return below(2) == 1; }
    InterfaceIndex index() { return {static_cast<std::uint32_t>(engine_()), Place{below(kMostPlaces)}}; }
    MacAddress mac() {
        MacAddress result;
        for (auto& byte : result.bytes) byte = static_cast<std::uint8_t>(below(256));
        return result;
    }
    IpAddress ip(Family family) {
        IpAddress result{family, {}};
        for (std::size_t i = 0; i < result.size_bytes(); ++i) result.bytes[i] = static_cast<std::uint8_t>(below(256));
        return result;
    }
    std::vector<LogicalAddress> addresses(Family family) {
        std::vector<LogicalAddress> result;
        for (std::uint32_t number = below(3); number < 5; number += 1 + below(3)) {
            LogicalAddress a{number, ip(family), static_cast<std::uint8_t>(below(bits_of(family) + 1u)),
                             {},     coin(),     coin(),
                             coin(), coin(),  coin(), coin()};
            if (family == Family::ipv4 && coin()) a.broadcast = ip(family);
            a.uniqueness = static_cast<Uniqueness>(below(4));
            if (coin()) a.claimant = mac();
            result.push_back(a);
        }
        return result;
    }
    Interface interface(const std::string& name) {
        Interface x;
        x.name = name;
        x.index = index();
        x.group = coin() ? "ipmp1" : "";
        for (Family family : kFamilies) {
            x.families[index_of(family)] = {coin(), coin(), addresses(family), below(3), {}};
        }
        if (coin()) x.families[0].route_source = LogicalName{"eth9", below(3)};
        x.declared_failed = coin();
        x.wanted_mtu_bytes = below(9000);
        if (coin()) x.wanted_mac = mac();
        x.standby = coin(), x.inactive = coin(), x.failed = coin(), x.offline = coin();
        x.hardware_duplicate = coin();
        x.saved_settings = {{"ipv4/conf/*/rp_filter", std::to_string(below(3))}, {"ipv6/neigh/*/retrans_time_ms", "1"}};
        if (coin()) {
            x.detached = DetachRecord{.group = coin() ? "a" : "", .standby = coin(), .admin_up = coin()};
            x.detached->done = coin();
            x.detached->wanted_mtu_bytes = below(9000);
            if (coin()) x.detached->wanted_mac = mac();
            x.detached->families = x.families;
        }
        x.mac = mac();
        x.mtu_bytes = below(9000);
        x.admin_up = coin(), x.carrier = coin();
        x.carrier_changes = static_cast<std::uint32_t>(engine_());
        return x;
    }
    DhcpClient dhcp_client() {
        Family family = coin() ? Family::ipv4 : Family::ipv6;
        DhcpClient client{.key = {{"eth" + std::to_string(below(9)), below(3)}, family},
                          .iaid = static_cast<std::uint32_t>(engine_()),
                          .group = coin() ? "ipmp1" : "",
                          .primary = coin(),
                          .inform = coin(),
                          .informed = coin(),
                          .releasing = coin()};
        if (coin()) return client;
        auto length = [&] { return static_cast<std::uint8_t>(below(bits_of(family) + 1u)); };
        client.lease = DhcpLease{ip(family), length(), {}, {{ip(family), length(), ip(family)}}, below(3),
                                 Instant{Duration{below(1000000)}}, {}, {}, {{ip(family)}, {"example.org"}}};
        if (coin()) client.lease->expires = Instant{Duration{below(1000000)}};
        return client;
    }
    GroupFamily half(Family family) {
        GroupFamily result;
        result.plumbed = coin();
        result.implied = coin();
        result.metric = below(3);
        result.addresses = addresses(family);
        for (std::uint32_t i = below(4); i > 0; --i) result.active.push_back(index());
        result.nominee = index();
        for (std::uint32_t i = below(4); i > 0; --i) result.bindings.push_back({ip(family), index(), big()});
        for (std::uint32_t i = below(3); i > 0; --i) result.proxies.push_back({ip(family), index(), big()});
        for (auto& slot : result.slots) slot = index();
        return result;
    }
    std::uint64_t big() { return (std::uint64_t{engine_()} << 32) | engine_(); }
    Group group(const std::string& name) {
        Group g;
        g.interface = name;
        g.name = "group with \"blanks\" \xc3\xa4";
        g.lower_name = "ipmpl" + std::to_string(below(100));
        g.policy = static_cast<SpreadPolicy>(below(4));
        g.isolate = coin(), g.upper_namespace = coin() ? "app" : "";
        g.forwards = {coin(), coin()}, g.forwards_on = index();
        g.mac = mac(), g.lower_mac = mac();
        for (Family family : kFamilies) g.families[index_of(family)] = half(family);
        g.next_sequence = big();
        g.health = static_cast<GroupHealth>(below(3));
        g.failure_reported = coin();
        g.upper = index(), g.lower = index();
        return g;
    }

    std::mt19937 engine_;
};

State sample() {
    for (unsigned seed = 0;; ++seed) {
        State state = Generator(seed).state();
        if (!state.groups.empty() && !state.interfaces.empty()) return state;
    }
}

std::string error_of(const nlohmann::json& document) {
    auto result = decode_state(document.dump());
    return result ? "no error" : result.error().text;
}

TEST(StateCodec, EveryStateSurvivesTheRoundTrip) {
    for (unsigned seed = 0; seed < 100; ++seed) {
        State state = Generator(seed).state();
        auto again = decode_state(encode_state(state));
        ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().text;
        EXPECT_EQ(*again, state) << "seed " << seed;
    }
}

TEST(StateCodec, WhatAnEncoderRemembersNeverShows) {
    StateEncoder encoder;
    for (unsigned seed = 0; seed < 30; ++seed) {
        State state = Generator(seed).state();
        ASSERT_EQ(encoder.encode(state), encode_state(state)) << "seed " << seed;
        if (state.interfaces.empty() || state.groups.empty()) continue;
        state.interfaces.begin()->second.offline ^= true;
        state.groups.begin()->second.next_sequence += 1;
        ASSERT_EQ(encoder.encode(state), encode_state(state)) << "seed " << seed;
        state.interfaces.erase(state.interfaces.begin());
        state.groups.erase(state.groups.begin());
        ASSERT_EQ(encoder.encode(state), encode_state(state)) << "seed " << seed;
    }
}

TEST(StateCodec, TransientFieldsAreNotKept) {
    State state = sample();
    State disturbed = state;
    Interface& x = disturbed.interfaces.begin()->second;
    x.link_ups.push_back(Instant{Duration{5}});
    x.flapping_reported = true;
    x.repair_due = Instant{Duration{7}};
    disturbed.groups.begin()->second.families[0].give_back_due = Instant{Duration{9}};
    EXPECT_EQ(encode_state(disturbed), encode_state(state));
}

TEST(StateCodec, EveryTruncationIsRefused) {
    std::string text = encode_state(sample());
    text.pop_back();  // the newline
    for (std::size_t length = 0; length < text.size(); length += 1 + text.size() / 500) {
        EXPECT_FALSE(decode_state(text.substr(0, length))) << length;
    }
}

TEST(StateCodec, NoDamagedByteCrashesOrReadsHalf) {
    std::string text = encode_state(sample());
    std::mt19937 engine(1);
    for (int round = 0; round < 300; ++round) {
        std::string damaged = text;
        damaged[engine() % damaged.size()] = static_cast<char>(engine());
        auto result = decode_state(damaged);
        EXPECT_TRUE(result || !result.error().text.empty());
    }
}

TEST(StateCodec, ErrorsNameThePlace) {
    auto whole = nlohmann::json::parse(encode_state(sample()));
    std::string group = whole["state"]["groups"].begin().key();
    std::string nic = whole["state"]["interfaces"].begin().key();

    auto json = whole;
    json["version"] = 99;
    EXPECT_EQ(error_of(json), "version: 99 is not known");
    json.erase("version");
    EXPECT_EQ(error_of(json), "version: is missing");
    json = whole;
    json["state"]["groups"][group]["families"][1]["slots"][3] = -1;
    EXPECT_EQ(error_of(json), "state.groups." + group + ".families[1].slots[3]: is not a whole number in range");
    json = whole;
    json["state"]["groups"][group]["families"][0]["slots"].erase(0);
    EXPECT_EQ(error_of(json), "state.groups." + group + ".families[0].slots: has the wrong number of elements");
    json = whole;
    json["state"]["interfaces"][nic]["mac"] = "02:xx";
    EXPECT_EQ(error_of(json), "state.interfaces." + nic + ".mac: is not a MAC address");
    json = whole;
    json["state"]["interfaces"][nic]["name"] = "other";
    EXPECT_EQ(error_of(json), "state.interfaces." + nic + ": carries another name");
    json = whole;
    json.erase("state");
    EXPECT_EQ(error_of(json), "state: is missing");
    json = whole;
    json["state"] = 7;
    EXPECT_EQ(error_of(json), "state: is not an object");
    json = whole;
    json["state"]["interfaces"][nic]["offline"] = nullptr;
    EXPECT_EQ(error_of(json), "state.interfaces." + nic + ".offline: is not true or false");
    json = whole;
    json["state"]["interfaces"][nic]["colour"] = "red";
    EXPECT_EQ(error_of(json), "state.interfaces." + nic + ".colour: is not known");
    EXPECT_EQ(error_of(nlohmann::json::array()), "not a JSON object");
}

// An older daemon's file: without the fields that came since.
TEST(StateCodec, FieldsThatAreAbsentTakeTheirDefaults_D6) {
    State state = sample();
    Group& group = state.groups.begin()->second;
    group.families[1].addresses = {{1, *parse_ip("2001:db8::1"), 64, {}, true, true, true, true, true}};
    group.next_sequence = 7;
    Interface& nic = state.interfaces.begin()->second;
    nic.offline = true;
    nic.saved_settings = {{"ipv4/conf/*/rp_filter", "1"}};
    auto json = nlohmann::json::parse(encode_state(state));
    auto& older = json["state"];
    older["groups"][group.interface].erase("next_sequence");
    older["groups"][group.interface]["families"][1]["addresses"][0].erase("scope_link");
    for (const char* field : {"offline", "saved_settings"}) older["interfaces"][nic.name].erase(field);

    auto again = decode_state(json.dump());
    ASSERT_TRUE(again) << again.error().text;
    group.next_sequence = 1;
    group.families[1].addresses[0].scope_link = false;
    nic.offline = false;
    nic.saved_settings.clear();
    EXPECT_EQ(*again, state);

    auto empty = decode_state(R"({"version": 1, "state": {}})");
    ASSERT_TRUE(empty) << empty.error().text;
    EXPECT_EQ(*empty, State{});
}

TEST(StateCodec, WhatIdentifiesAThingMayNotBeAbsent_D6) {
    State state = sample();
    std::string group = state.groups.begin()->first, nic = state.interfaces.begin()->first;
    auto whole = nlohmann::json::parse(encode_state(state));
    auto json = whole;
    json["state"]["groups"][group].erase("interface");
    EXPECT_EQ(error_of(json), "state.groups." + group + ": carries another name");
    json = whole;
    json["state"]["interfaces"][nic].erase("name");
    EXPECT_EQ(error_of(json), "state.interfaces." + nic + ": carries another name");
}

TEST(StateCodec, R_VIS_1_NamespacesHaveNamesAndNumbersOfTheirOwn) {
    State good = sample();
    good.groups.begin()->second.upper_namespace = "app";
    ASSERT_TRUE(decode_state(encode_state(good)));
    for (const NamedPlaces& bad : {NamedPlaces{}, {{"app", Place::members}}, {{"app", Place{2}}, {"x", Place{2}}},
                                   {{"app", Place{2}}, {"../x", Place{3}}}, {{"app", Place{kMostPlaces}}}}) {
        State state = good;
        state.named_places = bad;
        EXPECT_FALSE(decode_state(encode_state(state)));
    }
}

TEST(StateCodec, AddressesMustFitTheirFamily) {
    State state = sample();
    state.interfaces.begin()->second.families[0].addresses = {{0, *parse_ip("2001:db8::1"), 64}};
    EXPECT_FALSE(decode_state(encode_state(state)));
    state.interfaces.begin()->second.families[0].addresses = {{0, *parse_ip("192.0.2.1"), 33}};
    EXPECT_FALSE(decode_state(encode_state(state)));
    state.interfaces.begin()->second.families[0].addresses = {{1, *parse_ip("192.0.2.1"), 24},
                                                              {1, *parse_ip("192.0.2.2"), 24}};
    EXPECT_FALSE(decode_state(encode_state(state)));
}

}  // namespace
}  // namespace ipmp
