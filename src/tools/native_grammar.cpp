#include "tools/native_grammar.hpp"

#include <algorithm>
#include <map>

#include "tools/ifconfig_words.hpp"
#include "tools/native_adm.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

// What one form's words are, before they mean anything.
struct Words {
    const NativeForm* form = nullptr;
    std::vector<std::string> operands;
    std::map<std::string, std::vector<std::string>> values;  // by keyword
    bool force = false, as_json = false;

    const std::string* value(const std::string& keyword) const {
        auto found = values.find(keyword);
        return found == values.end() ? nullptr : &found->second.front();
    }
    std::optional<bool> on(const std::string& keyword) const {
        const std::string* text = value(keyword);
        return text ? std::optional(*text == "on" || *text == "up") : std::nullopt;
    }
    std::string text(const std::string& keyword) const {
        const std::string* found = value(keyword);
        return found ? *found : std::string();
    }
};

std::string placeholder(Value value) {
    switch (value) {
        case Value::ipmp_interface:
            return "IPMP";
        case Value::nic:
            return "NIC";
        case Value::interface:
            return "INTERFACE";
        case Value::address:
            return "ADDRESS";
        case Value::prefix:
            return "ADDRESS/LENGTH";
        case Value::group_name:
            return "NAME";
        case Value::mtu:
            return "BYTES";
        case Value::policy:
        case Value::on_off:
        case Value::family:
        case Value::state:
            break;
    }
    std::string text;
    for (const std::string& choice : choices_of(value)) text += (text.empty() ? "" : "|") + choice;
    return text;
}

std::string usage_of(const NativeForm& form) {
    std::string text = "ipmp " + std::string(form.object);
    if (!form.word.empty()) text += " " + std::string(form.word);
    std::string operand = placeholder(form.operand);
    text += form.count == Count::optional ? " [" + operand + "]" : " " + operand;
    if (form.count == Count::several) text += "...";
    for (const NativeKeyword& keyword : form.keywords) {
        std::string pair = std::string(keyword.name) + " " + placeholder(keyword.value);
        text += keyword.required ? " " + pair : " [" + pair + "]" + (keyword.repeats ? "..." : "");
    }
    return text + (form.takes_force ? " [-f]" : "") + " [-j]";
}

std::string help_for(std::string_view object) {
    std::string text;
    for (const NativeForm& form : native_forms()) {
        if (form.object == object) text += usage_of(form) + "\n        " + std::string(form.summary) + "\n";
    }
    return text;
}

std::optional<Prefix> parse_prefix(const std::string& text) {
    auto address = parse_ip(text.substr(0, text.find('/')));
    if (!address) return {};
    auto word = parse_address_word(text, address->family);
    if (!word || !word->prefix_length) return {};
    return Prefix{word->address, *word->prefix_length};
}

// Why `text` is no such value; nothing: it is one.
std::optional<std::string> mistake_in(Value value, const std::string& text) {
    bool good = true;
    const char* wanted = "";
    switch (value) {
        case Value::ipmp_interface:
        case Value::nic:
        case Value::interface:
            good = wire::is_interface_name(text);
            wanted = "not the name of an interface";
            break;
        case Value::address:
            good = parse_ip(text.substr(0, text.find('/'))).has_value();
            wanted = "not an address";
            break;
        case Value::prefix:
            good = parse_prefix(text).has_value();
            wanted = "not an address with a prefix length, as 192.0.2.1/24";
            break;
        case Value::group_name:
            good = wire::is_group_name(text);
            wanted = "not the name of a group";
            break;
        case Value::mtu:
            good = parse_whole(text).has_value();
            wanted = "not a number";
            break;
        case Value::policy:
        case Value::on_off:
        case Value::family:
        case Value::state: {
            std::vector<std::string> choices = choices_of(value);
            good = std::find(choices.begin(), choices.end(), text) != choices.end();
            if (!good) return text + ": not one of " + placeholder(value);
        }
    }
    return good ? std::nullopt : std::optional(text + ": " + wanted);
}

const NativeKeyword* keyword_named(const NativeForm& form, const std::string& text) {
    for (const NativeKeyword& keyword : form.keywords) {
        if (keyword.name == text) return &keyword;
    }
    return nullptr;
}

// Operands first, then keywords, each with its value. Flags may stand anywhere.
Result<Words> split(const NativeForm& form, const std::vector<std::string>& words, std::size_t next) {
    Words result{.form = &form};
    auto is_flag = [&](const std::string& word) {
        bool force = form.takes_force && (word == "-f" || word == "--force"), json = word == "-j" || word == "--json";
        result.force = result.force || force;
        result.as_json = result.as_json || json;
        return force || json;
    };
    bool operands_over = false;
    for (; next < words.size(); ++next) {
        const std::string& word = words[next];
        if (is_flag(word)) continue;
        const NativeKeyword* keyword = keyword_named(form, word);
        bool takes_more = result.operands.empty() || form.count == Count::several;
        bool is_operand = !operands_over && takes_more && (!keyword || result.operands.empty());
        if (is_operand && !word.starts_with('-')) {
            if (auto mistake = mistake_in(form.operand, word)) return Error{*mistake};
            result.operands.push_back(word);
            continue;
        }
        if (!keyword) return Error{word + ": unknown word"};
        operands_over = true;
        if (next + 1 == words.size()) return Error{word + ": its value is missing"};
        const std::string& value = words[++next];
        if (auto mistake = mistake_in(keyword->value, value)) return Error{word + ": " + *mistake};
        std::vector<std::string>& values = result.values[word];
        if (!values.empty() && !keyword->repeats) return Error{word + ": given twice"};
        values.push_back(value);
    }
    bool lacks_operand = result.operands.empty() && form.count != Count::optional;
    if (lacks_operand) return Error{placeholder(form.operand) + " is missing"};
    for (const NativeKeyword& keyword : form.keywords) {
        bool missing = keyword.required && !result.value(std::string(keyword.name));
        if (missing) return Error{std::string(keyword.name) + " is missing"};
    }
    return result;
}

GroupSettings settings_of(const Words& words) {
    GroupSettings settings;
    if (const std::string* name = words.value("name")) settings.name = *name;
    if (const std::string* policy = words.value("policy")) settings.policy = wire::parse_name<SpreadPolicy>(*policy);
    if (const std::string* mtu = words.value("mtu")) settings.mtu_bytes = parse_whole(*mtu);
    settings.isolate = words.on("isolate");
    return settings;
}

std::vector<Family> families_of(const Words& words) {
    const std::string* text = words.value("family");
    if (text && *text == "both") return {Family::ipv4, Family::ipv6};
    return {text && *text == "inet6" ? Family::ipv6 : Family::ipv4};
}

Result<NativeRequest> member_request(const Words& words) {
    if (words.form->verb == NativeVerb::member_set) {
        MemberSet request{words.operands, {}, words.on("standby")};
        if (const std::string* group = words.value("group")) request.group = *group;
        if (!request.group && !request.standby) return Error{"group or standby is missing"};
        return NativeRequest(request);
    }
    MemberAdd request{words.operands, words.text("group"), words.on("standby"), {}};
    auto tests = words.values.find("test-address");
    if (tests == words.values.end()) return NativeRequest(request);
    if (request.nics.size() > 1) return Error{"test-address: each NIC has its own, add them one by one"};
    for (const std::string& text : tests->second) request.test_addresses.push_back(*parse_prefix(text));
    return NativeRequest(request);
}

Result<NativeRequest> request_of(const Words& words) {
    std::string operand = words.operands.empty() ? "" : words.operands[0];
    switch (words.form->verb) {
        case NativeVerb::group_add:
            return NativeRequest(GroupAdd{operand, families_of(words), settings_of(words)});
        case NativeVerb::group_set:
            if (words.values.empty()) return Error{"nothing is to be set"};
            return NativeRequest(GroupSet{operand, settings_of(words), words.force});
        case NativeVerb::group_delete:
            return NativeRequest(GroupDelete{operand, words.force});
        case NativeVerb::group_show:
            return NativeRequest(Show{Shown::groups, operand});
        case NativeVerb::member_add:
        case NativeVerb::member_set:
            return member_request(words);
        case NativeVerb::member_delete:
            return NativeRequest(MemberDelete{words.operands, words.text("group")});
        case NativeVerb::member_show:
            return NativeRequest(Show{Shown::members, operand});
        case NativeVerb::address_add:
            return NativeRequest(AddressAdd{*parse_prefix(operand), words.text("dev"), words.on("state").value_or(true),
                                            words.on("deprecated")});
        case NativeVerb::address_delete:
            return NativeRequest(AddressDelete{*parse_ip(operand.substr(0, operand.find('/'))), words.text("dev")});
        case NativeVerb::address_show:
            return NativeRequest(Show{Shown::addresses, operand});
        case NativeVerb::offline:
        case NativeVerb::online:
            return NativeRequest(SetInUse{operand, words.form->verb == NativeVerb::online});
    }
    IPMP_CHECK(false);
}

std::vector<NativeForm> all_forms() {
    using enum NativeVerb;
    const NativeKeyword name{"name", Value::group_name}, policy{"policy", Value::policy},
        isolate{"isolate", Value::on_off}, mtu{"mtu", Value::mtu}, standby{"standby", Value::on_off};
    const NativeKeyword group{"group", Value::ipmp_interface, false, true}, dev{"dev", Value::interface, false, true};
    NativeKeyword any_group = group;
    any_group.required = false;
    const Count one = Count::one, several = Count::several, optional = Count::optional;
    const Value ipmp = Value::ipmp_interface;
    return {
        {group_add, "group", "add", ipmp, one, {name, policy, isolate, mtu, {"family", Value::family}}, false,
         "make an IPMP interface and its group"},
        {group_set, "group", "set", ipmp, one, {name, policy, isolate, mtu}, true, "change its settings"},
        {group_delete, "group", "del", ipmp, one, {}, true, "remove it; -f: its members leave it first"},
        {group_show, "group", "show", ipmp, optional, {}, false, "groups and their state"},
        {member_add, "member", "add", Value::nic, several,
         {group, standby, {"test-address", Value::prefix, true}}, false, "have NICs join a group"},
        {member_set, "member", "set", Value::nic, several, {any_group, standby}, false,
         "move members to another group, make them standby or not"},
        {member_delete, "member", "del", Value::nic, several, {any_group}, false, "have NICs leave their group"},
        {member_show, "member", "show", Value::interface, optional, {}, false, "members and their state"},
        {address_add, "address", "add", Value::prefix, one,
         {dev, {"state", Value::state}, {"deprecated", Value::on_off}}, false,
         "a data address of an IPMP interface, or a test address of a member"},
        {address_delete, "address", "del", Value::address, one, {dev}, false, "remove an address"},
        {address_show, "address", "show", Value::interface, optional, {}, false,
         "data and test addresses, and where they are bound"},
        {offline, "offline", "", Value::nic, one, {}, false, "take a member out of use"},
        {online, "online", "", Value::nic, one, {}, false, "put it back"},
    };
}

const NativeForm* form_named(const std::string& object, const std::string& word) {
    for (const NativeForm& form : native_forms()) {
        if (form.object == object && (form.word.empty() || form.word == word)) return &form;
    }
    return nullptr;
}

}  // namespace

const std::vector<NativeForm>& native_forms() {
    static const std::vector<NativeForm> kForms = all_forms();
    return kForms;
}

std::vector<std::string> choices_of(Value value) {
    switch (value) {
        case Value::policy:
            return {std::begin(wire::kSpreadPolicyNames), std::end(wire::kSpreadPolicyNames)};
        case Value::on_off:
            return {"on", "off"};
        case Value::family:
            return {"inet", "inet6", "both"};
        case Value::state:
            return {"up", "down"};
        default:
            return {};
    }
}

bool is_native(const std::vector<std::string>& words) {
    if (words.empty()) return false;
    if (words[0] == kAdmObject) return true;
    auto has_object = [&](const NativeForm& form) { return form.object == words[0]; };
    return std::any_of(native_forms().begin(), native_forms().end(), has_object);
}

Result<NativeLine> parse_native_line(const std::vector<std::string>& words) {
    IPMP_CHECK(is_native(words));
    if (words[0] == kAdmObject) return parse_adm_line({words.begin() + 1, words.end()});
    const std::string& object = words[0];
    auto asks = [](const std::string& word) { return word == "-h" || word == "--help"; };
    std::string see = "; see ipmp " + object + " --help";
    if (std::any_of(words.begin(), words.end(), asks)) return NativeLine{.help = help_for(object)};
    bool has_verb = words.size() > 1 && !words[1].starts_with('-');
    std::string verb = has_verb ? words[1] : "show";
    const NativeForm* form = form_named(object, verb);
    if (!form) return Error{object + " " + verb + ": unknown command" + see};
    std::size_t first = form->word.empty() || !has_verb ? 1 : 2;
    std::string context = object + (form->word.empty() ? "" : " " + verb);
    auto split_words = split(*form, words, first);
    if (!split_words) return Error{split_words.error().within(context).text + see};
    auto request = request_of(*split_words);
    if (!request) return Error{request.error().within(context).text + see};
    return NativeLine{.requests = {*request}, .as_json = split_words->as_json};
}

}  // namespace ipmp
