#include "wire/control_codec.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "wire/interface_definitions.hpp"

namespace ipmp {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

IpAddress ip(const char* text) { return *parse_ip(text); }

std::vector<Command> all_commands() {
    return {CreateIpmp{"ipmp0", Family::ipv6},
            Plumb{"eth0", Family::ipv6},
            Unplumb{"eth0", Family::ipv4},
            SetGroup{"eth0", Family::ipv4, "my group"},
            SetGroup{"eth0", Family::ipv4, ""},
            SetAddress{{"ipmp0", 3}, ip("192.0.2.1"), 24, ip("192.0.2.255")},
            SetAddress{{"ipmp0", 0}, ip("2001:db8::1"), {}, {}},
            SetNetmask{{"eth0", 1}, Family::ipv4, 20},
            AddLogical{"ipmp0", ip("192.0.2.2"), 25},
            RemoveLogical{"ipmp0", ip("2001:db8::1")},
            SetFlags{{"eth0", 1}, Family::ipv6, true, {}, false, true, true},
            SetStandby{"eth0", false},
            SetOffline{"eth0", 2},
            UndoOffline{"eth0"},
            SetPolicy{"ipmp0", SpreadPolicy::destination},
            SetRouter{"eth0", Family::ipv6, false},
            SetIsolate{"ipmp0", true, true},
            Stop{true},
            SetNamespace{"ipmp0", "app"},
            SetNamespace{"ipmp0", ""},
            SetMtu{"eth0", Family::ipv6, 9000},
            SetMetric{"ipmp0", Family::ipv4, 3},
            SetEther{"eth0", {{2, 0, 0, 0, 0, 7}}},
            SetArp{"eth0", false},
            SetFailed{"eth0", true},
            SetToken{"eth0", ip("::1")},
            SetRouteSource{"eth0", Family::ipv4, LogicalName{"eth1", 2}},
            SetRouteSource{"eth0", Family::ipv4, {}},
            AwaitAddresses{},
            Detach{{"eth0", "eth1"}, true, true},
            UndoDetach{"eth0"},
            ExpectMember{"eth0", "my group", false, true, true},
            ControlDhcp{{"ipmp0", 1}, Family::ipv4, DhcpVerb::release, true, false},
            ReportDhcp{{"ipmp0", 1}, Family::ipv4, 7, DhcpNews::bound, ip("192.0.2.1"), 24, ip("192.0.2.255"),
                       {{ip("10.0.0.0"), 8, ip("192.0.2.9")}}, 60, 120, {{ip("192.0.2.53")}, {"example.org"}}}};
}

std::string body(const std::string& message) {
    EXPECT_EQ(message.back(), '\0');
    return message.substr(0, message.size() - 1);
}

// Encoded, decoded and encoded again, every request stays the same.
TEST(ControlCodec, EveryCommandSurvivesTheRoundTrip) {
    std::set<std::size_t> seen;
    for (const Command& command : all_commands()) {
        seen.insert(command.index());
        std::string text = encode_request(command);
        auto decoded = decode_request(body(text));
        auto* request = std::get_if<Request>(&decoded);
        ASSERT_TRUE(request) << text << encode_refusal(std::get<Refusal>(decoded));
        ASSERT_TRUE(std::holds_alternative<Command>(request->what)) << text;
        EXPECT_EQ(std::get<Command>(request->what).index(), command.index()) << text;
        EXPECT_EQ(encode_request(std::get<Command>(request->what)), text);
    }
    EXPECT_EQ(seen.size(), std::variant_size_v<Command>);
}

TEST(ControlCodec, EveryQuerySurvivesTheRoundTrip) {
    std::vector<Query> queries{Ping{},
                               GetStatus{},
                               GetCounters{},
                               SubscribeToProbes{},
                               SubscribeToStatus{},
                               GetInfo{},
                               GetInterfaceDescription{"a.b"}};
    ASSERT_EQ(queries.size(), std::variant_size_v<Query>);
    for (const Query& query : queries) {
        auto decoded = decode_request(body(encode_request(query)));
        ASSERT_TRUE(std::holds_alternative<Request>(decoded));
        EXPECT_EQ(std::get<Query>(std::get<Request>(decoded).what).index(), query.index());
    }
}

TEST(ControlCodec, RequestsLookAsTheDefinitionSays) {
    EXPECT_EQ(json::parse(body(encode_request(Command{SetAddress{{"ipmp0", 1}, ip("192.0.2.1"), 24, {}}}))),
              json::parse(R"({"method":"org.ipmp.Mpathd.SetAddress",
                  "parameters":{"interface":"ipmp0","number":1,"address":"192.0.2.1","prefix_length":24}})"));
    EXPECT_EQ(json::parse(body(encode_request(Query{GetStatus{{{StatusList::groups, StatusList::dhcp}}}}))),
              json::parse(R"({"method":"org.ipmp.Mpathd.GetStatus","parameters":{"only":["groups","dhcp"]}})"));
    EXPECT_EQ(json::parse(body(encode_request(Query{GetStatus{}}))).value("parameters", json::object()), json::object())
        << "as a daemon of before knows it";
    EXPECT_EQ(json::parse(body(encode_reply({CommandError::none, "", "ipmp0:1"}))),
              json::parse(R"({"parameters":{"detail":"ipmp0:1"}})"));
    EXPECT_EQ(json::parse(body(encode_reply({CommandError::none, "", "", "disk is full"}))),
              json::parse(R"({"parameters":{"unsaved":"disk is full"}})"));
    EXPECT_EQ(json::parse(body(encode_reply({CommandError::in_use, "eth0 is busy", ""}))),
              json::parse(R"({"error":"org.ipmp.Mpathd.InUse","parameters":{"text":"eth0 is busy"}})"));
    EXPECT_EQ(json::parse(body(encode_ping_reply())), json::parse(R"({"parameters":{}})"));
    EXPECT_EQ(json::parse(body(encode_status_reply({}))),
              json::parse(R"({"parameters":{"status":{"groups":[],"interfaces":[],"addresses":[],
                  "targets":[],"plumbed":[],"proxies":[],"dhcp":[],"decisions":[]}}})"));
}

// The served definition and the tables of the codec name the same methods and errors.
TEST(ControlCodec, DefinitionIsComplete) {
    std::string definition = kMpathdDefinition;
    std::size_t methods = 0;
    for (std::size_t at = 0; (at = definition.find("\nmethod ", at)) != std::string::npos; ++at) ++methods;
    EXPECT_EQ(methods, std::variant_size_v<Command> + 5);
    for (const Command& command : all_commands()) {
        std::string method = json::parse(body(encode_request(command)))["method"];
        EXPECT_NE(definition.find("\nmethod " + method.substr(method.rfind('.') + 1) + "("), std::string::npos)
            << method;
    }
    for (int i = 1; i <= static_cast<int>(CommandError::kernel_refused); ++i) {
        std::string error = json::parse(body(encode_reply({static_cast<CommandError>(i), "", ""})))["error"];
        EXPECT_NE(definition.find("\nerror " + error.substr(error.rfind('.') + 1) + " "), std::string::npos) << error;
    }
}

TEST(ControlCodec, EveryCommandErrorSurvivesTheRoundTrip) {
    for (int i = 0; i <= static_cast<int>(CommandError::kernel_refused); ++i) {
        CommandReply reply{static_cast<CommandError>(i), i == 0 ? "" : "why", i == 0 ? "ipmp0:1" : "",
                           i == 0 ? "full" : ""};
        auto again = decode_reply(body(encode_reply(reply)));
        ASSERT_TRUE(again);
        EXPECT_EQ(*again, reply);
    }
}

TEST(ControlCodec, CountersStatusAndDescriptionReachTheTool) {
    Counters counters{{"a", 1}, {"b", 18446744073709551615u}};
    auto again = decode_counters_reply(body(encode_counters_reply(counters)));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, counters);
    Status status;
    status.groups.push_back({"ipmp0", "x"});
    auto status_again = decode_status_reply(body(encode_status_reply(status)));
    ASSERT_TRUE(status_again);
    EXPECT_EQ(*status_again, status);
    EXPECT_TRUE(decode_ping_reply(body(encode_ping_reply())));
    EXPECT_EQ(json::parse(body(encode_description_reply("org.ipmp.Mpathd")))["parameters"]["description"],
              kMpathdDefinition);
    EXPECT_EQ(json::parse(body(encode_description_reply("nobody")))["error"], "org.varlink.service.InterfaceNotFound");
    EXPECT_EQ(json::parse(body(encode_info_reply()))["parameters"]["interfaces"].size(), 2u);
}

ProbeReport lost_probe() {
    return {.interface = "eth0", .id = 65535, .target = ip("fe80::1"), .started = Instant(7ns)};
}

TEST(ControlCodec, ProbesReachTheTool_R_STA_2) {
    ProbeReport answered = lost_probe();
    answered.answered = true;
    answered.network_time = 1020us;
    answered.round_trip_time = 1200us;
    answered.average = 1140us;
    answered.deviation = 120us;
    for (const ProbeReport& report : {lost_probe(), answered}) {
        auto again = decode_probe_reply(body(encode_probe_reply(report, 3)));
        ASSERT_TRUE(again) << again.error().text;
        EXPECT_EQ(again->probe, report);
        EXPECT_EQ(again->dropped, 3u);
    }
    EXPECT_EQ(json::parse(body(encode_probe_reply(lost_probe(), 0))),
              json::parse(R"({"continues":true,"parameters":{"dropped":0,"probe":{"interface":"eth0","id":65535,
                  "target":"fe80::1","started_ns":7,"answered":false}}})"));
    EXPECT_EQ(json::parse(body(encode_probe_reply(answered, 0)))["parameters"]["probe"]["network_time_ns"], 1020000);
}

TEST(ControlCodec, ProbesAreWatchedWithMoreOnly_R_STA_2) {
    EXPECT_EQ(json::parse(body(encode_request(Query{SubscribeToProbes{}}))),
              json::parse(R"({"method":"org.ipmp.Mpathd.WatchProbes","more":true,"parameters":{}})"));
    auto decoded = decode_request(R"({"method":"org.ipmp.Mpathd.WatchProbes"})");
    auto* refusal = std::get_if<Refusal>(&decoded);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->error, "org.varlink.service.ExpectedMore");
}

TEST(ControlCodec, PermissionDeniedIsAnErrorOfItsOwn) {
    auto result = decode_reply(body(encode_refusal(permission_denied())));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().error_number, EPERM);
    EXPECT_EQ(result.error().text, "permission denied");
}

struct BadRequest {
    const char* text;
    const char* error;
    const char* detail;
};

TEST(ControlCodec, BadRequestsAreRefusedByName) {
    const BadRequest cases[] = {
        {"", "InvalidParameter", "request"},
        {"[]", "InvalidParameter", "request"},
        {"{\"method\":", "InvalidParameter", "request"},
        {"{}", "InvalidParameter", "method"},
        {R"({"method":7})", "InvalidParameter", "method"},
        {R"({"method":"org.ipmp.Mpathd.Fly"})", "MethodNotFound", "org.ipmp.Mpathd.Fly"},
        {R"({"method":"com.example.Fly"})", "InterfaceNotFound", "com.example"},
        {R"({"method":"org.ipmp.Mpathd.Ping","parameters":[]})", "InvalidParameter", "parameters"},
        {R"({"method":"org.ipmp.Mpathd.Ping","parameters":{"a":1}})", "InvalidParameter", "a"},
        {R"({"method":"org.ipmp.Mpathd.UndoOffline"})", "InvalidParameter", "interface"},
        {R"({"method":"org.ipmp.Mpathd.UndoOffline","parameters":{"interface":5}})", "InvalidParameter", "interface"},
        {R"({"method":"org.ipmp.Mpathd.SetStandby","parameters":{"interface":"a","standby":1}})", "InvalidParameter",
         "standby"},
        {R"({"method":"org.ipmp.Mpathd.Plumb","parameters":{"interface":"a","family":"ipx"}})", "InvalidParameter",
         "family"},
        {R"({"method":"org.ipmp.Mpathd.RemoveLogical","parameters":{"interface":"a","address":"1.2.3"}})",
         "InvalidParameter", "address"},
        {R"({"method":"org.ipmp.Mpathd.SetOffline","parameters":{"interface":"a","minimum_redundancy":-1}})",
         "InvalidParameter", "minimum_redundancy"},
        {R"({"method":"org.ipmp.Mpathd.SetOffline","parameters":{"interface":"a","minimum_redundancy":4294967296}})",
         "InvalidParameter", "minimum_redundancy"},
        {R"({"method":"org.ipmp.Mpathd.AddLogical",
            "parameters":{"interface":"a","address":"1.2.3.4","prefix_length":33}})",
         "InvalidParameter", "prefix_length"},
        {R"({"method":"org.ipmp.Mpathd.SetAddress",
            "parameters":{"interface":"a","address":"::1","broadcast":"1.2.3.4"}})",
         "InvalidParameter", "broadcast"},
        {R"({"method":"org.ipmp.Mpathd.Ping","upgrade":true})", "InvalidParameter", "upgrade"},
        {R"({"method":"org.ipmp.Mpathd.WatchProbes","more":true,"parameters":{"a":1}})", "InvalidParameter", "a"},
    };
    for (const BadRequest& bad : cases) {
        auto decoded = decode_request(bad.text);
        auto* refusal = std::get_if<Refusal>(&decoded);
        ASSERT_TRUE(refusal) << bad.text;
        EXPECT_EQ(refusal->error, std::string("org.varlink.service.") + bad.error) << bad.text;
        EXPECT_EQ(refusal->parameters.begin()->second, bad.detail) << bad.text;
    }
}

TEST(ControlCodec, NamesAreValidated_R_GRP_15) {
    auto accepted = [](const std::string& interface, const std::string& group) {
        json request = {{"method", "org.ipmp.Mpathd.SetGroup"},
                        {"parameters", {{"interface", interface}, {"family", "inet"}, {"group", group}}}};
        return std::holds_alternative<Request>(decode_request(request.dump()));
    };
    EXPECT_TRUE(accepted("exactly15bytes_", "exactly thirty-one bytes long.."));
    EXPECT_TRUE(accepted("a", ""));
    for (const char* bad : {"", ".", "..", "a/b", "a b", "a\tb", "a:1", "sixteen_bytes_xx"}) {
        EXPECT_FALSE(accepted(bad, "g")) << bad;
    }
    EXPECT_FALSE(accepted("a", std::string(32, 'g')));
    EXPECT_FALSE(accepted("a", "two\nlines"));
    EXPECT_FALSE(accepted(std::string("a\0b", 3), "g"));
}

TEST(ControlCodec, R_VIS_1_NamesOfNamespacesAreOneComponentOfAPath) {
    auto accepted = [](const std::string& name) {
        json request = {{"method", "org.ipmp.Mpathd.SetNamespace"},
                        {"parameters", {{"interface", "ipmp0"}, {"network_namespace", name}}}};
        return std::holds_alternative<Request>(decode_request(request.dump()));
    };
    for (const char* good : {"", "app", "a:b", "...", "-", "0123456789abcdef0123456789abcdef"}) {
        EXPECT_TRUE(accepted(good)) << good;
    }
    for (const char* bad : {".", "..", "../app", "a/b", "/proc/1/ns/net", "a b", "a\nb"}) {
        EXPECT_FALSE(accepted(bad)) << bad;
    }
    EXPECT_FALSE(accepted(std::string("a\0b", 3)));
    EXPECT_FALSE(accepted(std::string(256, 'a')));
}

TEST(ControlCodec, DeepNestingIsRefused) {
    std::string deep = R"({"method":"org.ipmp.Mpathd.Ping","parameters":)" + std::string(60000, '[');
    EXPECT_TRUE(std::holds_alternative<Refusal>(decode_request(deep)));
    EXPECT_TRUE(std::holds_alternative<Refusal>(decode_request(deep + std::string(60000, ']') + "}")));
    EXPECT_FALSE(decode_reply(deep));
}

TEST(ControlCodec, DamagedMessagesNeverThrow) {
    std::mt19937 engine(7);
    std::string status = body(encode_status_reply({{{"ipmp0", "x"}}, {{"eth0", 1}}, {{ip("::1"), true, "ipmp0"}}}));
    std::string probe = body(encode_probe_reply(lost_probe(), 1));
    for (int round = 0; round < 3000; ++round) {
        std::string command = body(encode_request(all_commands()[engine() % all_commands().size()]));
        for (std::string text : {command, status, probe}) {
            for (auto count = engine() % 4; count > 0; --count)
                text[engine() % text.size()] = static_cast<char>(engine());
            text.resize(text.size() - engine() % 3);
            auto decoded = decode_request(text);
            auto* refusal = std::get_if<Refusal>(&decoded);
            EXPECT_TRUE(!refusal || !encode_refusal(*refusal).empty());
            (void)decode_reply(text);
            (void)decode_status_reply(text);
            (void)decode_counters_reply(text);
            (void)decode_probe_reply(text);
        }
    }
}

}  // namespace
}  // namespace ipmp
