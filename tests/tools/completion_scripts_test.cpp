// The scripts for bash and zsh, run by these shells: they offer what `ipmp complete` says, in the shell's own way.
#include "tools_fixture.hpp"

namespace ipmp {
namespace {

const std::string kScripts = COMPLETION_DIRECTORY;

class CompletionScripts : public ToolsTest {
  protected:
    void SetUp() override {
        ToolsTest::SetUp();
        setenv("PATH", (std::string(TOOLS_DIRECTORY) + ":/usr/bin:/bin").c_str(), 1);
        Status status;
        status.groups = {{"ipmp0", "ops", GroupHealth::ok, {}, {"eth0"}, {}, {}}};
        status.interfaces = {{"eth0", 2, true, "ipmp0"}};
        status.addresses = {{*parse_ip("2001:db8::1"), true, "ipmp0", "eth0", {"eth0"}}};
        serve(status);
    }
    // What bash would offer at the end of `line`.
    std::string in_bash(const std::string& line) {
        std::string script = "source " + kScripts + "/ipmp.bash; COMP_LINE='" + line +
                             "'; COMP_POINT=${#COMP_LINE}; read -ra COMP_WORDS <<<\"$COMP_LINE\"; _ipmp; "
                             "printf '%s ' \"${COMPREPLY[@]}\"";
        Ran ran = run({"bash", "--norc", "-c", script}, "/bin");
        EXPECT_EQ(ran.err, "");
        return ran.out;
    }
    // `words`: as zsh has them, separated by blanks; the last is the one being written.
    std::string in_zsh(const std::string& words) {
        std::string script =
            "compadd() { print -rn -- \"${(P)2} \" }; _files() { print -n files }; complete_it() { "
            "local -a words; words=(" +
            words + "); local CURRENT=$#words; source " + kScripts + "/_ipmp }; complete_it";
        return run({"zsh", "-f", "-c", script}, "/usr/bin").out;
    }
};

TEST_F(CompletionScripts, BashOffersWhatTheGrammarSays_R_CMD_5) {
    EXPECT_EQ(in_bash("ipmp gro"), "group ");
    EXPECT_EQ(in_bash("ipmp group "), "add set del show ");
    EXPECT_EQ(in_bash("ipmp group set ipmp0 policy t"), "tuple ");
    EXPECT_EQ(in_bash("ipmp member del eth0 g"), "group ");
    EXPECT_EQ(in_bash("ipmp address show "), "ipmp0 eth0 -j ");
    EXPECT_EQ(in_bash("ipmpstat -go sta"), "state ");
    EXPECT_EQ(in_bash("if_mpadm -d "), "eth0 ");
}

TEST_F(CompletionScripts, ColonsThatReadlineTakesForEndsOfWordsAreLeftToIt_R_CMD_5) {
    EXPECT_EQ(in_bash("ipmp address del 2"), "2001:db8::1 ");
    EXPECT_EQ(in_bash("ipmp address del 2001:d"), "db8::1 ");
}

TEST_F(CompletionScripts, ZshOffersTheSame_R_CMD_5) {
    if (access("/usr/bin/zsh", X_OK) != 0) GTEST_SKIP() << "zsh is not installed";
    EXPECT_EQ(in_zsh("ipmp group ''"), "add set del show ");
    EXPECT_EQ(in_zsh("ipmp address del 2001:d"), "2001:db8::1 ");
    EXPECT_EQ(in_zsh("if_mpadm -d ''"), "eth0 ");
}

}  // namespace
}  // namespace ipmp
