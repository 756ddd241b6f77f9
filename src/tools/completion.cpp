#include "tools/completion.hpp"

#include <algorithm>
#include <set>

#include "render/probe_table.hpp"
#include "render/status_table.hpp"
#include "tools/daemon_client.hpp"
#include "tools/ifconfig_grammar.hpp"
#include "tools/ipmp_grammar.hpp"
#include "tools/kernel_interfaces.hpp"
#include "tools/native_adm.hpp"
#include "tools/native_grammar.hpp"
#include "tools/status_lookup.hpp"

namespace ipmp {

namespace {

using Candidates = std::vector<std::string>;

void append(Candidates& candidates, const Candidates& more) {
    candidates.insert(candidates.end(), more.begin(), more.end());
}

Candidates interfaces(const CompletionNames& names) {
    Candidates candidates = names.groups;
    append(candidates, names.members);
    append(candidates, names.nics);
    return candidates;
}

Candidates values(Value value, const CompletionNames& names) {
    switch (value) {
        case Value::ipmp_interface:
            return names.groups;
        case Value::nic:
            return names.nics;
        case Value::interface: {
            Candidates candidates = names.groups;
            append(candidates, names.members);
            return candidates;
        }
        case Value::address:
            return names.addresses;
        case Value::prefix:
        case Value::group_name:
        case Value::mtu:
            return {};
        case Value::policy:
        case Value::on_off:
        case Value::family:
        case Value::state:
            return choices_of(value);
    }
    return {};
}

const NativeKeyword* keyword_before(const NativeForm& form, const std::string& word) {
    for (const NativeKeyword& keyword : form.keywords) {
        if (keyword.name == word) return &keyword;
    }
    return nullptr;
}

// `words`: behind the verb, the last being written.
Candidates of_form(const NativeForm& form, const Candidates& words, const CompletionNames& names) {
    const NativeKeyword* keyword = words.size() < 2 ? nullptr : keyword_before(form, words[words.size() - 2]);
    if (keyword) return values(keyword->value, names);
    std::set<std::string> used(words.begin(), words.end() - 1);
    bool has_operand = words.size() > 1;
    bool has_keyword = std::any_of(form.keywords.begin(), form.keywords.end(),
                                   [&](const NativeKeyword& k) { return used.contains(std::string(k.name)); });
    Candidates candidates;
    if (!has_operand || (form.count == Count::several && !has_keyword)) candidates = values(form.operand, names);
    std::erase_if(candidates, [&](const std::string& name) { return used.contains(name); });
    for (const NativeKeyword& other : form.keywords) {
        bool can_follow = has_operand && (other.repeats || !used.contains(std::string(other.name)));
        if (can_follow) candidates.emplace_back(other.name);
    }
    if (form.takes_force) candidates.emplace_back("-f");
    candidates.emplace_back("-j");
    return candidates;
}

Candidates native(const Candidates& words, const CompletionNames& names) {
    Candidates verbs;
    for (const NativeForm& form : native_forms()) {
        if (form.object != words[0]) continue;
        if (form.word.empty()) return of_form(form, {words.begin() + 1, words.end()}, names);
        if (words.size() > 2 && form.word == words[1]) return of_form(form, {words.begin() + 2, words.end()}, names);
        verbs.emplace_back(form.word);
    }
    return words.size() == 2 ? verbs : Candidates{};
}

Candidates adm(const Candidates& words, const CompletionNames& names) {
    Candidates verbs;
    for (const AdmForm& form : adm_forms()) {
        verbs.emplace_back(form.word);
        if (words.size() < 3 || form.word != words[1]) continue;
        const std::string& before = words[words.size() - 2];
        if (before == "-i") return names.nics;
        if (before == "-T") return {"static"};
        if (before == "-a") return {};
        Candidates candidates = form.operand_is_ipmp ? names.groups : interfaces(names);
        for (std::string_view option : form.options) candidates.emplace_back(option);
        append(candidates, {"-t", "-j"});
        return candidates;
    }
    return words.size() == 2 ? verbs : Candidates{};
}

Candidates ifconfig(const Candidates& words, const CompletionNames& names) {
    if (words.size() == 2) {
        Candidates candidates = interfaces(names);
        candidates.emplace_back("-a");
        return candidates;
    }
    Candidates candidates = ifconfig_vocabulary();
    append(candidates, {"inet", "inet6"});
    if (words[words.size() - 2] == "group") return names.groups;
    return candidates;
}

Candidates ipmp(const Candidates& words, const CompletionNames& names) {
    std::vector<IpmpCommand> commands = ipmp_commands();
    Candidates candidates;
    if (words.size() == 1) {
        for (const IpmpCommand& command : commands) candidates.push_back(command.name);
        candidates.emplace_back("--help");
        return candidates;
    }
    if (words[0] == kAdmObject) return adm(words, names);
    if (is_native(words)) return native(words, names);
    if (words[0] == "ifconfig") return ifconfig(words, names);
    if (words[0] == "import") {  // files are the shell's to offer
        if (words[words.size() - 2] == "--to") return {"hostname", "ifupdown"};
        return words.back().starts_with('-') ? Candidates{"--to", "-j"} : Candidates{};
    }
    bool is_second = words.size() == 3;
    if (words[0] == "policy" && is_second) return choices_of(Value::policy);
    if (words[0] == "isolate" && is_second) return choices_of(Value::on_off);
    bool of_group =
        words[0] == "policy" || words[0] == "isolate" || words[0] == "namespace" || words[0] == "wait-online";
    for (const IpmpCommand& command : commands) {
        if (command.name != words[0]) continue;
        if (command.takes_words) candidates = of_group ? names.groups : interfaces(names);
        append(candidates, command.options);
    }
    std::erase(candidates, "--help");  // all have it
    return candidates;
}

Candidates ipmpstat(const Candidates& words) {
    bool wants_fields =
        words.size() > 1 && words[words.size() - 2].starts_with('-') && words[words.size() - 2].ends_with('o');
    if (!wants_fields) return {"-a", "-g", "-i", "-p", "-t", "-n", "-j", "-o", "-P"};
    std::string letters;
    for (const std::string& word : words) letters += word.starts_with('-') ? word : "";
    Candidates candidates;
    auto add = [&](const std::vector<Column>& columns) {
        for (const Column& column : columns) {
            std::string name(column.name);
            for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
            candidates.push_back(name);
        }
    };
    const std::pair<char, View> kViews[] = {
        {'a', View::addresses}, {'g', View::groups}, {'i', View::interfaces}, {'t', View::targets}};
    for (const auto& [letter, view] : kViews) {
        if (letters.find(letter) != std::string::npos) add(columns_of(view));
    }
    if (letters.find('p') != std::string::npos) add(probe_columns());
    candidates.emplace_back("all");
    // Behind a comma, whole words: "group,state".
    const std::string& last = words.back();
    std::size_t comma = last.rfind(',');
    if (comma == std::string::npos) return candidates;
    for (std::string& candidate : candidates) candidate = last.substr(0, comma + 1) + candidate;
    return candidates;
}

Candidates if_mpadm(const Candidates& words, const CompletionNames& names) {
    return words.size() == 1 ? Candidates{"-d", "-r"} : names.members;
}

}  // namespace

std::vector<std::string> completions(const std::vector<std::string>& words, const CompletionNames& names) {
    if (words.size() < 2) return {};
    Candidates rest(words.begin() + 1, words.end()), candidates;
    std::string program = words[0].substr(words[0].rfind('/') + 1);
    if (program == "ipmp") candidates = ipmp(rest, names);
    if (program == "ipmpstat") candidates = ipmpstat(rest);
    if (program == "if_mpadm") candidates = if_mpadm(rest, names);
    Candidates fitting;
    std::set<std::string> seen;
    for (std::string& candidate : candidates) {
        bool fits = candidate.starts_with(words.back()) && seen.insert(candidate).second;
        if (fits) fitting.push_back(std::move(candidate));
    }
    return fitting;
}

std::string complete_now(const std::vector<std::string>& words) {
    CompletionNames names;
    auto client = DaemonClient::connect(Paths::from_environment());
    auto status = client ? client->status() : Result<Status>(Status());  // no daemon: no groups to name
    if (status) {
        for (const GroupStatus& group : status->groups) {
            if (!group.interface.empty()) names.groups.push_back(group.interface);
        }
        for (const InterfaceStatus& interface : status->interfaces) {
            if (!interface.group.empty()) names.members.push_back(interface.name);
            for (const LogicalStatus& test : test_addresses_of(plumbed_called(*status, interface.name))) {
                names.addresses.push_back(to_string(test.address));
            }
        }
        for (const AddressStatus& address : status->addresses) {
            bool can_go = !address.address.is_zero() && !address.address.is_link_local();
            if (can_go) names.addresses.push_back(to_string(address.address));
        }
    }
    if (auto links = ethernet_links()) names.nics = *links;
    for (const std::string& member : names.members) names.nics.push_back(member);  // isolated ones are not seen here
    std::erase_if(names.nics, [&](const std::string& nic) {
        return std::find(names.groups.begin(), names.groups.end(), nic) != names.groups.end();
    });
    std::string text;
    for (const std::string& candidate : completions(words, names)) text += candidate + "\n";
    return text;
}

}  // namespace ipmp
