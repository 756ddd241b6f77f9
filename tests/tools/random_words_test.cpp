// Ten thousand random word lists against the grammar of each tool: none crashes or hangs one, and what a grammar lets
// pass is what it promises (R-CMD-1 to R-CMD-4). The same lists each time.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tools/address_splitter.hpp"
#include "tools/arp_grammar.hpp"
#include "tools/if_mpadm_grammar.hpp"
#include "tools/ifconfig_grammar.hpp"
#include "tools/ipmp_grammar.hpp"
#include "tools/route_grammar.hpp"

namespace ipmp {
namespace {

constexpr int kLists = 2'000, kFew = kLists / 50;
// Words that some tool knows, and such as no tool should trip over.
const std::vector<std::string> kAnyWords{
    "",           "-",         "--",       "-f",          "-n",           "eth0",        "eth0:1",
    "ipmp0",      "192.0.2.1", "::1",      "0.0.0.0/0",   "192.0.2.1/33", "2:0:0:0:0:1", "2:0:0:0:0",
    "4294967296", "-1",        "\xc3\xa9", "\x01\x7f",    "a b",          "+",           "none",
    "%s%n",       "\n",        "--help",   "255.0.255.0", "0xffffff00",   "10"};

class RandomWords : public testing::Test {
  protected:
    // Lists of up to eight words, most of them of the tool's own; nearly all begin with one of `first`.
    template <class Try>
    void each(const std::vector<std::string>& first, const std::vector<std::string>& own, Try try_one) {
        std::mt19937 chance(20260101);
        int accepted = 0;
        for (int number = 0; number < kLists; ++number) {
            std::vector<std::string> words(chance() % 9);
            for (std::string& word : words) {
                const std::vector<std::string>& source = chance() % 4 ? own : kAnyWords;
                word = source[chance() % source.size()];
            }
            if (!words.empty() && chance() % 8) words[0] = first[chance() % first.size()];
            if (chance() % 50 == 0) words.emplace_back(100'000, 'x');
            std::string text;
            for (const std::string& word : words) text += " '" + word.substr(0, 40) + "'";
            SCOPED_TRACE(text);
            if (try_one(words)) ++accepted;
            if (HasFailure()) return;
        }
        EXPECT_GT(accepted, kFew) << "too few lists pass the grammar to tell anything";
        EXPECT_LT(accepted, kLists - kFew);
    }
    static bool has(const std::vector<std::string>& words, const std::string& word) {
        return std::find(words.begin(), words.end(), word) != words.end();
    }
};

TEST_F(RandomWords, R_CMD_3_Arp) {
    each({"-a", "-an", "-d", "-s", "-f", "host"}, {"temp", "pub", "trail", "permanent", "host", "2:0:0:0:0:1"},
         [](auto& words) {
             auto line = parse_arp_line(words);
             if (!line) return false;
             EXPECT_TRUE(line->verb != ArpVerb::set || line->entry.host == words[1]);
             bool has_operand =
                 line->verb == ArpVerb::get || line->verb == ArpVerb::remove || line->verb == ArpVerb::set_all;
             EXPECT_TRUE(!has_operand || line->operand == words.back());
             return true;
         });
}

TEST_F(RandomWords, R_CMD_4_Route) {
    auto look_up = [](const std::string& host, Family family) -> std::optional<IpAddress> {
        auto address = parse_ip(host);
        return address && address->family == family ? address : std::nullopt;
    };
    each({"add", "delete", "change", "get", "flush", "-n"},
         {"-net", "-host", "net", "host", "-inet", "-inet6", "default", "10.0.0.0/8", "192.0.2.9", "-ifp", "-mtu",
          "1400", "-interface", "-blackhole", "-q", "-netmask"},
         [&](auto& words) {
             auto line = parse_route_line(words, look_up);
             if (!line) return false;
             const TableRoute& route = line->route;
             EXPECT_LE(route.prefix_length, bits_of(line->family));
             EXPECT_EQ(route.destination.family, line->family);
             EXPECT_EQ(network_of(route.destination, route.prefix_length), route.destination);
             EXPECT_TRUE(!route.gateway || route.gateway->family == line->family);
             return true;
         });
}

TEST_F(RandomWords, R_CMD_2_IfMpadm) {
    each({"-d", "-r", "eth0"}, {"-d", "-r", "-dr", "eth0", "eth1"}, [this](auto& words) {
        auto line = parse_if_mpadm_line(words);
        if (!line) return false;
        EXPECT_TRUE(has(words, line->interface));
        return true;
    });
}

TEST_F(RandomWords, R_DYN_4_Ipmp) {
    each({"status", "stop", "policy", "isolate", "boot", "attach", "detach", "save", "ifconfig"},
         {"--json", "--purge", "flow", "on", "--dry-run", "--force", "eth0", "ipmp0"}, [this](auto& words) {
             auto line = parse_ipmp_line(words);
             if (!line) {
                 EXPECT_NE(line.error().text, "");
                 return false;
             }
             bool takes_nics = line->verb == IpmpVerb::attach || line->verb == IpmpVerb::detach;
             EXPECT_TRUE(!takes_nics || !line->nics.empty());
             for (const std::string& nic : line->nics) EXPECT_TRUE(has(words, nic));
             bool about_group = line->verb == IpmpVerb::policy || line->verb == IpmpVerb::isolate;
             EXPECT_TRUE(!about_group || has(words, line->ipmp_interface));
             EXPECT_EQ(line->help.empty(), line->verb != IpmpVerb::help);
             return true;
         });
}

TEST_F(RandomWords, R_CMD_1_Ifconfig) {
    each({"plumb", "192.0.2.1/24", "group"},
         {"plumb", "group", "ops", "up", "-failover", "addif", "netmask", "broadcast", "dhcp", "policy", "isolate",
          "standby", "set", "mtu", "zone", "192.0.2.1/24"},
         [](auto& words) {
             bool accepted = false;
             for (Family family : kFamilies) {
                 auto line = parse_line(words, family);
                 if (!line) continue;
                 std::size_t used = 0;
                 for (const Step& step : line->steps) used += 1 + step.arguments.size();
                 EXPECT_TRUE(line->mistake ? used < words.size() : used == words.size());
                 auto split = split_line(words, family);
                 EXPECT_TRUE(!split || !line->mistake);
                 accepted = accepted || !line->mistake;
             }
             return accepted;
         });
}

}  // namespace
}  // namespace ipmp
