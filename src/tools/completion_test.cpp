// Completion knows the grammar: every verb, word and option of it is offered where it may stand.
#include "tools/completion.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tools/ifconfig_grammar.hpp"
#include "tools/ipmp_grammar.hpp"
#include "tools/native_adm.hpp"
#include "tools/native_grammar.hpp"

namespace ipmp {
namespace {

using Words = std::vector<std::string>;

const CompletionNames kNames{{"ipmp0"}, {"eth0", "eth1"}, {"eth0", "eth1", "eth2"}, {"192.0.2.1", "2001:db8::1"}};

Words offered(Words words) { return completions(words, kNames); }

bool offers(const Words& words, std::string_view candidate) {
    Words all = offered(words);
    return std::find(all.begin(), all.end(), candidate) != all.end();
}

TEST(Completion, EveryVerbOfTheGrammarIsOffered) {
    std::vector<IpmpCommand> commands = ipmp_commands();
    EXPECT_GE(commands.size(), 19u);
    for (const IpmpCommand& command : commands) {
        EXPECT_TRUE(offers({"ipmp", ""}, command.name)) << command.name;
        bool own = is_native({command.name}) || command.name == "ifconfig" || command.name == "import";
        for (const std::string& option : command.options) {
            EXPECT_TRUE(own || option == "--help" || offers({"ipmp", command.name, "-"}, option))
                << command.name << " " << option;
        }
    }
    EXPECT_FALSE(offers({"ipmp", ""}, "complete"));
}

TEST(Completion, EveryFormOfTheNativeVerbsIsOfferedWithItsWords) {
    for (const NativeForm& form : native_forms()) {
        Words line{"ipmp", std::string(form.object)};
        EXPECT_TRUE(offers({"ipmp", ""}, form.object));
        if (!form.word.empty()) {
            EXPECT_TRUE(offers({"ipmp", std::string(form.object), ""}, form.word)) << form.object << " " << form.word;
            line.emplace_back(form.word);
        }
        line.emplace_back("x");
        line.emplace_back("");
        for (const NativeKeyword& keyword : form.keywords) {
            EXPECT_TRUE(offers(line, keyword.name)) << form.object << " " << form.word << " " << keyword.name;
            Words behind = line;
            behind.back() = keyword.name;
            behind.emplace_back("");
            Words choices = choices_of(keyword.value);
            if (!choices.empty()) {
                EXPECT_EQ(offered(behind), choices) << keyword.name;
            }
        }
    }
}

TEST(Completion, EveryVerbOfSolarisIsOfferedWithItsOptions) {
    for (const AdmForm& form : adm_forms()) {
        EXPECT_TRUE(offers({"ipmp", "adm", ""}, form.word)) << form.word;
        for (std::string_view option : form.options) {
            EXPECT_TRUE(offers({"ipmp", "adm", std::string(form.word), "-"}, option)) << form.word << " " << option;
        }
    }
}

TEST(Completion, NamesAreOfferedWhereTheyBelong) {
    EXPECT_EQ(offered({"ipmp", "member", "add", "e"}), (Words{"eth0", "eth1", "eth2"}));
    EXPECT_EQ(offered({"ipmp", "member", "add", "eth0", "e"}), (Words{"eth1", "eth2"}));
    EXPECT_EQ(offered({"ipmp", "member", "add", "eth0", "group", ""}), Words{"ipmp0"});
    EXPECT_EQ(offered({"ipmp", "address", "del", "2001:"}), Words{"2001:db8::1"});
    EXPECT_EQ(offered({"ipmp", "policy", ""}), (Words{"ipmp0", "--json"}));
    EXPECT_EQ(offered({"ipmp", "policy", "ipmp0", "t"}), Words{"tuple"});
    EXPECT_EQ(offered({"ipmp", "isolate", "ipmp0", "o"}), (Words{"on", "off"}));
    EXPECT_EQ(offered({"ipmp", "adm", "add-ipmp", "-i", "e"}), (Words{"eth0", "eth1", "eth2"}));
    EXPECT_EQ(offered({"ipmp", "member", "add", "x", "test-address", "y", "t"}), Words{"test-address"});
    EXPECT_EQ(offered({"ipmp", "import", "--to", "h"}), Words{"hostname"});
    EXPECT_EQ(offered({"ipmp", "import", ""}), Words{}) << "files are the shell's to offer";
    EXPECT_EQ(offered({"if_mpadm", ""}), (Words{"-d", "-r"}));
    EXPECT_EQ(offered({"if_mpadm", "-d", ""}), (Words{"eth0", "eth1"}));
    EXPECT_TRUE(offers({"ipmp", "ifconfig", "eth0", "-f"}, "-failover"));
    EXPECT_EQ(ifconfig_vocabulary().size(), Words(offered({"ipmp", "ifconfig", "eth0", ""})).size() - 2);
}

TEST(Completion, FieldsOfIpmpstatAreThoseOfTheTableThatWasAskedFor) {
    EXPECT_EQ(offered({"ipmpstat", "-a", "-o", "in"}), Words{"inbound"});
    EXPECT_EQ(offered({"ipmpstat", "-gPo", "group,st"}), Words{"group,state"});
    EXPECT_TRUE(offers({"ipmpstat", "-"}, "-j"));
    EXPECT_EQ(offered({"ipmpstat", "-po", "rtt"}), (Words{"rtt", "rttavg", "rttdev"}));
}

TEST(Completion, OfAnotherProgramOrAnEmptyLineNothingIsKnown) {
    EXPECT_EQ(offered({}), Words{});
    EXPECT_EQ(offered({"ipmp"}), Words{});
    EXPECT_EQ(offered({"ls", ""}), Words{});
    EXPECT_EQ(offered({"ipmp", "group", "frobnicate", ""}), Words{});
}

}  // namespace
}  // namespace ipmp
