#include "render/status_table.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

AddressStatus address(const char* text, bool up, const char* inbound = "", std::vector<std::string> outbound = {}) {
    return {*parse_ip(text), up, "ipmp0", inbound, std::move(outbound)};
}

Status sample() {
    Status status;
    status.groups = {
        {"ipmp0", "ops", GroupHealth::ok, 10000, {"under1", "under0"}, {"under2"}, {}},
        {"acctg1", "acctg1", GroupHealth::failed, {}, {}, {}, {"hme1", "hme0"}},
        {"field2", "field2", GroupHealth::degraded, 20000, {"fops3", "fops0"}, {"fops2"}, {"fops1"}},
        {"", "", GroupHealth::ok, 10000, {"net7"}, {}, {}},
    };
    using L = LinkHealth;
    using P = ProbeHealth;
    using I = InterfaceHealth;
    status.interfaces = {
        {"under2", 6, false, "ipmp0", true, true, false, false, false, false, false, L::up, P::ok, I::ok},
        {"under0", 4, true, "ipmp0", false, false, true, true, true, false, false, L::up, P::ok, I::ok},
        {"hme1", 7, false, "acctg1", false, false, false, false, false, true, false, L::up, P::disabled, I::offline},
        {"hme0", 8, false, "acctg1", false, false, false, false, false, false, true, L::unknown, P::disabled,
         I::offline},
        {"fops1", 9, false, "field2", false, false, false, false, false, false, false, L::down, P::failed, I::failed},
        {"fops3", 3, true, "field2", false, false, false, false, false, false, false, L::up, P::unknown, I::unknown},
        {"net7", 2, true, "", false, false, false, false, false, false, false, L::up, P::ok, I::ok},
    };
    status.addresses = {address("::", false), address("192.168.10.15", true, "under1", {"under1", "under0"}),
                        address("192.168.10.10", true, "under0", {"under1", "under0"}),
                        address("192.168.10.99", false)};
    return status;
}

std::string numeric(const IpAddress& ip) { return to_string(ip); }

std::string human(View view, const Status& status, std::size_t screen_lines = 24) {
    std::vector<Column> columns = columns_of(view);
    FieldChoice choice = default_fields(columns);
    std::vector<Column> chosen;
    for (std::size_t index : choice.indices) chosen.push_back(columns[index]);
    TablePrinter printer(chosen, screen_lines);
    std::string text;
    for (const Row& row : rows_of(view, status, choice.indices, numeric)) text += printer.print(row);
    return text;
}

std::string parsable(View view, const Status& status, const char* fields) {
    auto choice = choose_fields(columns_of(view), fields, true);
    EXPECT_TRUE(choice) << choice.error().text;
    std::string text;
    for (const Row& row : rows_of(view, status, choice->indices, numeric)) text += parsable_line(row);
    return text;
}

TEST(StatusTable, Addresses_R_STA_1) {
    EXPECT_EQ(human(View::addresses, sample()),
              "ADDRESS                   STATE  GROUP       INBOUND     OUTBOUND\n"
              "::                        down   ipmp0       --          --\n"
              "192.168.10.15             up     ipmp0       under1      under1 under0\n"
              "192.168.10.10             up     ipmp0       under0      under1 under0\n"
              "192.168.10.99             down   ipmp0       --          --\n");
}

// The reference's acceptance 5, byte for byte.
TEST(StatusTable, LongValuesPushLaterColumnsOnlyAsFarAsNeeded_R_STA_3) {
    Status status;
    status.addresses = {address("2001:db8:aaaa:bbbb:a00:20ff:feb9:17fa", true, "under0", {"under1", "under0"}),
                        address("2001:db8::1", true, "under1", {"under1", "under0"})};
    EXPECT_EQ(human(View::addresses, status),
              "ADDRESS                   STATE  GROUP       INBOUND     OUTBOUND\n"
              "2001:db8:aaaa:bbbb:a00:20ff:feb9:17fa up ipmp0 under0    under1 under0\n"
              "2001:db8::1               up     ipmp0       under1      under1 under0\n");
}

TEST(StatusTable, Groups_R_STA_1) {
    EXPECT_EQ(human(View::groups, sample()),
              "GROUP       GROUPNAME   STATE     FDT       INTERFACES\n"
              "ipmp0       ops         ok        10.00s    under1 under0 (under2)\n"
              "acctg1      acctg1      failed    --        [hme1 hme0]\n"
              "field2      field2      degraded  20.00s    fops3 fops0 (fops2) [fops1]\n"
              "--          --          ok        10.00s    net7\n");
}

TEST(StatusTable, EmptyGroupAndOddDetectionTime_R_STA_1) {
    Status status;
    status.groups = {{"ipmp0", "a b", GroupHealth::failed, 1234, {}, {}, {}}};
    EXPECT_EQ(human(View::groups, status),
              "GROUP       GROUPNAME   STATE     FDT       INTERFACES\n"
              "ipmp0       a b         failed    1.23s     --\n");
}

TEST(StatusTable, Interfaces_R_STA_1) {
    EXPECT_EQ(human(View::interfaces, sample()),
              "INTERFACE   ACTIVE  GROUP       FLAGS     LINK      PROBE     STATE\n"
              "under2      no      ipmp0       is-----   up        ok        ok\n"
              "under0      yes     ipmp0       --mbM--   up        ok        ok\n"
              "hme1        no      acctg1      -----d-   up        disabled  offline\n"
              "hme0        no      acctg1      ------h   unknown   disabled  offline\n"
              "fops1       no      field2      -------   down      failed    failed\n"
              "fops3       yes     field2      -------   up        unknown   unknown\n"
              "net7        yes     --          -------   up        ok        ok\n");
}

// The reference's acceptance 7, for every status there can be; that m and b go together is Snapshot's to show.
TEST(StatusTable, FlagsAreSevenCharactersAtFixedPlaces_R_STA_1) {
    const std::string letters = "ismbMdh";
    for (unsigned bits = 0; bits < 128; ++bits) {
        auto has = [&](unsigned place) { return (bits >> place & 1) != 0; };
        Status status;
        status.interfaces = {{"eth0", 2, false, "ipmp0", has(0), has(1), has(2), has(3), has(4), has(5), has(6)}};
        std::string expected;
        for (unsigned place = 0; place < 7; ++place) expected += has(place) ? letters[place] : '-';
        EXPECT_EQ(parsable(View::interfaces, status, "flags"), expected + "\n");
    }
}

TargetStatus targets(const char* interface, TargetMode mode, const char* source, std::vector<const char*> hosts) {
    TargetStatus row{interface, mode, parse_ip(source), {}};
    for (const char* host : hosts) row.targets.push_back(*parse_ip(host));
    return row;
}

TEST(StatusTable, Targets_R_STA_1) {
    Status status;
    status.targets = {
        targets("under2", TargetMode::multicast, "192.168.10.22", {"192.168.10.50", "192.168.10.51"}),
        targets("under1", TargetMode::routes, "192.168.10.21", {"192.168.10.1", "192.168.10.2"}),
        targets("under0", TargetMode::routes, "192.168.10.20", {"192.168.10.2", "192.168.10.1"}),
        targets("under0", TargetMode::multicast, "fe80::a00:20ff:feb9:19fa", {"fe80::1"}),
        {"hme0"},
    };
    EXPECT_EQ(human(View::targets, status),
              "INTERFACE   MODE      TESTADDR            TARGETS\n"
              "under2      multicast 192.168.10.22       192.168.10.50 192.168.10.51\n"
              "under1      routes    192.168.10.21       192.168.10.1 192.168.10.2\n"
              "under0      routes    192.168.10.20       192.168.10.2 192.168.10.1\n"
              "under0      multicast fe80::a00:20ff:feb9:19fa fe80::1\n"
              "hme0        disabled  --                  --\n");
    EXPECT_EQ(parsable(View::targets, status, "interface,testaddr,targets").substr(0, 49),
              "under2:192.168.10.22:192.168.10.50 192.168.10.51\n");
}

TEST(StatusTable, NothingToShowPrintsNoHeader_R_STA_3) { EXPECT_EQ(human(View::groups, Status{}), ""); }

// The reference's acceptance 4.
TEST(StatusTable, HeaderIsRepeatedEachScreenful_R_STA_3) {
    Status status;
    for (int i = 0; i < 60; ++i) status.interfaces.push_back({"eth" + std::to_string(i)});
    std::string text = human(View::interfaces, status, 24);
    std::vector<int> headers;
    int line = 1;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1, ++line) {
        if (text.compare(at, 9, "INTERFACE") == 0) headers.push_back(line);
    }
    EXPECT_EQ(headers, (std::vector<int>{1, 25, 49}));
    EXPECT_EQ(line - 1, 63);
}

TEST(StatusTable, ScreensMayChangeTheirSize_R_STA_3) {
    TablePrinter printer({{"A", 4}}, 24);
    EXPECT_EQ(printer.print({"x"}), "A\nx\n");
    printer.resize(2);
    EXPECT_EQ(printer.print({"x"}), "A\nx\n");
    EXPECT_EQ(printer.print({"x"}), "A\nx\n");
}

// The reference's acceptance 1 (an anonymous group is a line that begins with a colon) and acceptance 2 (colons in a
// value are escaped where there are several fields, and only there).
TEST(StatusTable, Parsable_R_STA_3) {
    EXPECT_EQ(parsable(View::groups, sample(), "group,fdt"), "ipmp0:10.00s\nacctg1:\nfield2:20.00s\n:10.00s\n");
    Status status;
    status.addresses = {address("2001:db8::1", true, "under1", {"under1", "under0"}), address("192.168.10.99", false)};
    EXPECT_EQ(parsable(View::addresses, status, "address,state,group,inbound,outbound"),
              "2001\\:db8\\:\\:1:up:ipmp0:under1:under1 under0\n192.168.10.99:down:ipmp0::\n");
    EXPECT_EQ(parsable(View::addresses, status, "address"), "2001:db8::1\n192.168.10.99\n");
    EXPECT_EQ(parsable(View::interfaces, sample(), "Interface,FLAGS,state").substr(0, 18), "under2:is-----:ok\n");
    EXPECT_EQ(parsable_line({"a\\b", "c:d"}), "a\\\\b:c\\:d\n");
}

TEST(StatusTable, FieldLists_R_STA_3) {
    auto columns = columns_of(View::groups);
    auto error = [&](const char* list, bool parsable) {
        auto choice = choose_fields(columns, list, parsable);
        return choice ? "no error" : choice.error().text;
    };
    EXPECT_EQ(error("all", true), "output field `all' invalid in parsable mode");
    EXPECT_EQ(error("", true), "output fields must be specified in parsable mode");
    EXPECT_EQ(error("x", true), "unknown output field: `x'");
    EXPECT_EQ(error("x,fdt,y", true), "unknown output fields: `x' `y'");
    EXPECT_EQ(error("x,y", false), "no valid output fields");
    EXPECT_EQ(error("", false), "no valid output fields");
    EXPECT_EQ(error("ALL", false), "no valid output fields");
    auto choice = choose_fields(columns, "fdt,,x,GROUP,fdt", false);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->indices, (std::vector<std::size_t>{3, 0, 3}));
    EXPECT_EQ(choice->warnings, (std::vector<std::string>{"ignoring unknown output field: `x'"}));
    auto all = choose_fields(columns, "all", false);
    ASSERT_TRUE(all);
    EXPECT_EQ(all->indices.size(), columns.size());
}

TEST(StatusTable, DefaultFieldsFitEightyCharacters_R_STA_3) {
    EXPECT_EQ(default_fields(columns_of(View::addresses)).indices.size(), 5u);
    const Column wide[] = {{"A", 40}, {"B", 40}, {"C", 1}};
    EXPECT_EQ(default_fields(wide).indices.size(), 2u);
}

}  // namespace
}  // namespace ipmp
