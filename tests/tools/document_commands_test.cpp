// No document shows a command that there is not: every command line of ours in README.md, below docs and in the manual
// pages is read by the grammar of its program. That those of the guides also work is shown in
// tests/netns/test_guides.py.
//
// A command line is a line of a block that begins with one of our programs, or what stands between backquotes (in
// README.Debian, between quotation marks) and begins with one. In running text a verb may be named without what it is
// about: `ipmp detach`.
#include <algorithm>
#include <regex>

#include "base/ip_address.hpp"
#include "tools/arp_grammar.hpp"
#include "tools/if_mpadm_grammar.hpp"
#include "tools/ifconfig_grammar.hpp"
#include "tools/import_run.hpp"
#include "tools/ipmp_grammar.hpp"
#include "tools/native_adm.hpp"
#include "tools/native_grammar.hpp"
#include "tools/route_grammar.hpp"
#include "tools_fixture.hpp"
#include "wire/names.hpp"

namespace ipmp {
namespace {

using Words = std::vector<std::string>;
using Mistake = std::optional<std::string>;

struct Shown {
    std::string command;
    bool in_running_text = false;
};

const std::string kPrograms = "(ipmpstat|ipmp|ifconfig|if_mpadm|arp|route)";

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

// Without what a shell would take: a comment, and what the output goes into.
std::string command_in(const std::string& line) {
    static const std::regex end("\\s+(#|\\||>|&&|;).*$");
    return std::regex_replace(line, end, "");
}

void take_block_line(const std::string& line, std::vector<Shown>& shown) {
    static const std::regex command("^\\s*([#$] )?(" + kPrograms + " .*)$");
    std::smatch found;
    if (std::regex_match(line, found, command)) shown.push_back({command_in(found[2])});
}

void take_running_text(std::string text, char delimiter, std::vector<Shown>& shown) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    const std::string mark(1, delimiter);
    const std::regex code(mark + "(" + kPrograms + " [^" + mark + "]*)" + mark);
    for (std::sregex_iterator found(text.begin(), text.end(), code), end; found != end; ++found) {
        std::string command = std::regex_replace((*found)[1].str(), std::regex(" +"), " ");
        bool is_form = command.find_first_of("[|") != std::string::npos || command.find("...") != std::string::npos;
        if (!is_form) shown.push_back({command, true});
    }
}

std::vector<Shown> commands_of_document(const std::string& text, char delimiter) {
    std::vector<Shown> shown;
    std::string running;
    std::istringstream lines(text);
    bool in_block = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("```"))
            in_block = !in_block;
        else if (in_block)
            take_block_line(line, shown);
        else
            running += line + "\n";
    }
    take_running_text(running, delimiter, shown);
    return shown;
}

std::vector<Shown> commands_of_page(const std::string& text) {
    std::vector<Shown> shown;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        line = std::regex_replace(line, std::regex("^\\.Dl "), "");
        line = std::regex_replace(line, std::regex("\\\\\\(dq"), "\"");
        if (line.starts_with("# ") || line.starts_with("$ ")) take_block_line(line, shown);
    }
    return shown;
}

Words split(const std::string& command) {
    Words words;
    static const std::regex word("\"([^\"]*)\"|'([^']*)'|(\\S+)");
    for (std::sregex_iterator found(command.begin(), command.end(), word), end; found != end; ++found) {
        words.push_back((*found)[1].str() + (*found)[2].str() + (*found)[3].str());
    }
    return words;
}

template <class T>
Mistake mistake_of(const Result<T>& result) {
    return result ? std::nullopt : Mistake(result.error().text);
}

// Words that are not of the grammar would be names of hosts; documents give addresses as numbers.
Mistake ifconfig_mistake(Words words) {
    if (words.empty() || (words[0].starts_with('-') && words.size() == 1)) return {};
    words.erase(words.begin());
    auto family = words.empty() ? std::nullopt : wire::parse_family(words[0]);
    if (family) words.erase(words.begin());
    auto line = parse_line(words, family.value_or(Family::ipv4));
    if (!line) return line.error().text;
    if (line->mistake) return line->mistake->text;
    for (const Step& step : line->steps) {
        bool is_address = parse_ip(step.text.substr(0, step.text.find('/'))).has_value();
        if (step.word == Word::address && !is_address) return step.text + ": neither a word nor an address";
    }
    return {};
}

Mistake ipmp_mistake(const Words& words);

class DocumentCommands : public ToolsTest {
  protected:
    Mistake mistake_in(const std::string& command) {
        Words words = split(command);
        std::string program = words[0];
        words.erase(words.begin());
        if (program == "ipmp") return ipmp_mistake(words);
        if (program == "ifconfig") return ifconfig_mistake(words);
        if (program == "arp") return mistake_of(parse_arp_line(words));
        if (program == "route") return mistake_of(parse_route_line(words));
        if (program == "if_mpadm") return parse_if_mpadm_line(words) ? std::nullopt : Mistake("wrong usage");
        // Read by getopt in its main(): without a daemon it comes as far as that.
        Ran ran = run(split(command));
        if (ran.err.find("cannot contact in.mpathd") != std::string::npos) return {};
        return ran.err;
    }

    Mistake mistake_in(const Shown& shown) {
        Mistake mistake = mistake_in(shown.command);
        if (!mistake || !shown.in_running_text) return mistake;
        for (const char* rest : {" ipmp0", " eth0", " eth0 group ipmp0", " 192.0.2.1/24 dev ipmp0", " file"}) {
            if (!mistake_in(shown.command + rest)) return {};
        }
        Words words = split(shown.command);
        for (const AdmForm& form : adm_forms()) {
            if (words == Words{"ipmp", "adm", std::string(form.word)}) return {};
        }
        return mistake;
    }

    // How many there are; each is tried.
    std::size_t expect_grammatical(const fs::path& path) {
        std::string text = text_of(path);
        bool is_page = path.parent_path().filename() == "man";
        char delimiter = path.extension() == ".Debian" ? '"' : '`';
        std::vector<Shown> all = is_page ? commands_of_page(text) : commands_of_document(text, delimiter);
        for (const Shown& shown : all) {
            Mistake mistake = mistake_in(shown);
            EXPECT_FALSE(mistake) << path << " shows `" << shown.command << "`: " << *mistake;
        }
        return all.size();
    }
};

Mistake ipmp_mistake(const Words& words) {
    auto line = parse_ipmp_line(words);
    if (!line) return line.error().text;
    switch (line->verb) {
        case IpmpVerb::native:
            return mistake_of(parse_native_line(words));
        case IpmpVerb::import_files: {
            ToolRun run = run_import({words.begin() + 1, words.end()});
            return run.exit_code == 2 ? Mistake(run.err) : std::nullopt;
        }
        case IpmpVerb::other_tool: {
            Words rest(words.begin() + 1, words.end());
            if (words[0] == "ifconfig") return ifconfig_mistake(rest);
            return words[0] == "arp" ? mistake_of(parse_arp_line(rest)) : mistake_of(parse_route_line(rest));
        }
        default:
            return {};
    }
}

TEST_F(DocumentCommands, AreOfTheGrammar_R_CMD_1_R_CMD_2_R_CMD_3_R_CMD_4) {
    const fs::path source = IPMP_SOURCE_DIR;
    std::size_t count = 0;
    for (const char* name :
         {"README.md", "docs/JSON.md", "docs/SEEING.md", "docs/CONTROL.md", "man/ipmp.8", "man/ifconfig.8",
          "man/ipmpstat.8", "man/if_mpadm.8", "man/arp.8", "man/route.8", "debian/ipmp.README.Debian"}) {
        EXPECT_GT(expect_grammatical(source / name), 0u) << name << " is not read as it should be";
    }
    for (const char* folder : {"", "docs", "docs/guides", "docs/adr", "man"}) {
        for (const auto& entry : fs::directory_iterator(source / folder)) {
            std::string extension = entry.path().extension();
            bool is_text = extension == ".md" || extension == ".8" || extension == ".5" || extension == ".3";
            if (is_text && entry.path().filename() != "CHANGELOG.md") count += expect_grammatical(entry.path());
        }
    }
    EXPECT_GT(count, 150u);
}

TEST_F(DocumentCommands, ThatDoNotExistAreFound) {
    for (const char* bad : {"ipmp dance", "ipmp policy ipmp0 sideways", "ipmp group paint ipmp0",
                            "ipmp member add eth0 group ipmp0 colour x", "ipmp save --hard", "ipmp adm blow-up",
                            "ipmp ifconfig eth0 plump", "ifconfig eth0 plump", "ipmpstat -x", "ipmpstat -gP -o nothing",
                            "if_mpadm -x eth0", "route paint 192.0.2.0", "arp -x", "ipmp import -x file"}) {
        EXPECT_TRUE(mistake_in(Shown{bad, true})) << bad;
    }
}

}  // namespace
}  // namespace ipmp
