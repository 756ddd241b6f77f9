// Lines and words of hostname files, and when words are implied (R-DYN-1).
#include "tools/hostname_file.hpp"

#include <gtest/gtest.h>

namespace ipmp {
namespace {

// "a b|c", and at the end "!" if the file counts as one line.
std::string shown(const std::string& content) {
    HostnameFile file = parse_hostname_file(content);
    std::string text = file.is_ipmp ? "ipmp:" : "";
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
        if (i) text += "|";
        for (std::size_t k = 0; k < file.lines[i].size(); ++k) text += (k ? "_" : "") + file.lines[i][k];
    }
    return text + (file.one_line ? "!" : "");
}

TEST(HostnameFile, R_DYN_1_LinesAndWords) {
    const std::pair<const char*, const char*> rows[] = {
        {"", ""},
        {"\n \t\n", ""},
        {"group ops up\n", "group_ops_up!"},
        {"group ops up", "group_ops_up!"},
        {"  group\tops  up  \r\n", "group_ops_up!"},
        {"\n\n  \ngroup ops\n", "group_ops!"},           // blank lines before it do no harm
        {"group ops\n\n", "group_ops"},                   // one after it makes several lines
        {"group ops\n  \t\n", "group_ops"},
        {"group ops\nup\n", "group_ops|up"},
        {"group ops\n\nup", "group_ops|up"},
        {"ipmp group ops 192.0.2.1/24 up\n", "ipmp:group_ops_192.0.2.1/24_up!"},
        {"ipmp\n", "ipmp:!"},
        {"ipmp\nipmp 192.0.2.1/24 up\n", "ipmp:|192.0.2.1/24_up"},
        {"up\nipmp\n", "up|"},                            // only the first word of the file makes it one of ipmp
        {"group my\\ group up\n", "group_my group_up!"},  // a backslash makes a blank part of a word
        {"group a\\\\b\n", "group_a\\b!"},
        {"group ops \\\n  up\n", "group_ops_up!"},        // or joins the next line
        {"group op\\\ns up\n", "group_ops_up!"},
        {"group ops \\\n", "group_ops!"},
        {"up\\", "up\\!"},
        {"# no comment\n", "#_no_comment!"},
    };
    for (const auto& [content, expected] : rows) EXPECT_EQ(shown(content), expected) << content;
}

TEST(HostnameFile, R_DYN_1_BadLinesAreLeftOutAndNamed) {
    HostnameFile file = parse_hostname_file(std::string("group ops\n\x01\x02\nup\n") +
                                            std::string(HostnameFile::kMaxLineBytes + 1, 'a') + "\n-failover\n");
    EXPECT_EQ(file.lines, (std::vector<Words>{{"group", "ops"}, {"up"}, {"-failover"}}));
    EXPECT_EQ(file.problems, (std::vector<std::string>{"line 2 holds a control character", "line 4 is too long"}));
    file = parse_hostname_file(std::string("x\0y\n", 4) + "up \\\nup\n\x7f\n");
    EXPECT_EQ(file.problems, (std::vector<std::string>{"line 1 holds a control character",
                                                       "line 4 holds a control character"}));
    EXPECT_EQ(parse_hostname_file("\x1b[2J\n").lines.size(), 0u);
}

std::string run(const std::string& content, Family family) {
    std::string text;
    for (const FileLine& line : lines_to_run(parse_hostname_file(content), family)) {
        if (!text.empty()) text += "|";
        for (const std::string& word : line.words) text += word + " ";
        if (line.implies_up) text += "+";
    }
    return text;
}

// The reference's acceptance 14: a line more, be it blank, and nothing is implied any more.
TEST(HostnameFile, R_DYN_1_OneIpv4LineImpliesNetmaskBroadcastAndUp) {
    EXPECT_EQ(run("192.0.2.1\n", Family::ipv4), "192.0.2.1 +");
    EXPECT_EQ(run("192.0.2.1\n\n", Family::ipv4), "192.0.2.1 ");
    EXPECT_EQ(run("192.0.2.1\nup\n", Family::ipv4), "192.0.2.1 |up ");
    EXPECT_EQ(run("", Family::ipv4), "");
    EXPECT_EQ(run("addif 2001:db8::1/64\n", Family::ipv6), "addif 2001:db8::1/64 |up ");
    EXPECT_EQ(run("", Family::ipv6), "up ");
}

TEST(HostnameFile, R_DYN_1_GroupsAndNames) {
    EXPECT_EQ(group_of(parse_hostname_file("group a\nstandby\ngroup b up\n"), Family::ipv4), "b");
    EXPECT_EQ(group_of(parse_hostname_file("addif group\n"), Family::ipv4), "") << "it is the argument of addif";
    EXPECT_EQ(group_of(parse_hostname_file("up group\n"), Family::ipv4), "");
    EXPECT_TRUE(only_names_host(parse_hostname_file("inet myhost\n")));
    EXPECT_FALSE(only_names_host(parse_hostname_file("inet myhost\nup\n")));
    EXPECT_FALSE(only_names_host(parse_hostname_file("group ops\n")));
}

}  // namespace
}  // namespace ipmp
