#include "tools/native_adm.hpp"

#include <algorithm>

#include "tools/ifconfig_words.hpp"
#include "wire/names.hpp"

namespace ipmp {

namespace {

struct Words {
    std::vector<std::string> operands;
    std::vector<std::string> nics;  // of -i
    std::string address, type = "static";
    bool down = false, force = false, as_json = false;
};

std::string help_text() {
    std::string text;
    for (const AdmForm& form : adm_forms()) {
        text += "ipmp adm " + std::string(form.word) + " " + std::string(form.usage) + "\n        " +
                std::string(form.summary) + "\n";
    }
    return text;
}

std::vector<std::string> at_commas(const std::string& text) {
    std::vector<std::string> parts(1);
    for (char c : text) {
        if (c == ',')
            parts.emplace_back();
        else
            parts.back() += c;
    }
    return parts;
}

// Takes the option at `next` with its value. Error: it is none of this verb.
Result<void> take_option(const AdmForm& form, const std::vector<std::string>& words, std::size_t& next, Words& taken) {
    const std::string& option = words[next];
    bool known = std::find(form.options.begin(), form.options.end(), option) != form.options.end();
    if (!known && option != "-t" && option != "-j") return Error{option + ": unknown option"};
    bool has_value = option == "-i" || option == "-a" || option == "-T";
    if (has_value && next + 1 == words.size()) return Error{option + ": its value is missing"};
    std::string value = has_value ? words[++next] : "";
    if (option == "-i") {
        for (std::string& nic : at_commas(value)) taken.nics.push_back(std::move(nic));
    }
    if (option == "-a") taken.address = value;
    if (option == "-T") taken.type = value;
    taken.down = taken.down || option == "-d";
    taken.force = taken.force || option == "-f";
    taken.as_json = taken.as_json || option == "-j";
    return {};
}

Result<Words> split(const AdmForm& form, const std::vector<std::string>& words) {
    Words taken;
    for (std::size_t next = 1; next < words.size(); ++next) {
        if (!words[next].starts_with('-')) {
            taken.operands.push_back(words[next]);
            continue;
        }
        if (auto option = take_option(form, words, next, taken); !option) return option.error();
    }
    bool is_show = form.word.starts_with("show-");
    if (taken.operands.empty() && !is_show) return Error{"a name is missing"};
    if (taken.operands.size() > 1) return Error{taken.operands[1] + ": unknown word"};
    for (const std::string& nic : taken.nics) {
        if (!wire::is_interface_name(nic)) return Error{nic + ": not the name of an interface"};
    }
    return taken;
}

// The interface of "ipmp0/v4.2", of "ipmp0/anything", or of "ipmp0".
std::string interface_of_object(const std::string& object) { return object.substr(0, object.find('/')); }

// What is behind the slash: "v4", "v6.3".
struct ObjectPlace {
    LogicalName logical;
    Family family = Family::ipv4;
};
std::optional<ObjectPlace> parse_object(const std::string& object) {
    std::size_t slash = object.find('/');
    if (slash == std::string::npos) return {};
    std::string place = object.substr(slash + 1);
    bool ipv6 = place.starts_with("v6");
    if (!ipv6 && !place.starts_with("v4")) return {};
    ObjectPlace result{{object.substr(0, slash), 0}, ipv6 ? Family::ipv6 : Family::ipv4};
    if (place.size() == 2) return result;
    auto number = place[2] == '.' ? parse_whole(std::string_view(place).substr(3)) : std::nullopt;
    if (!number) return {};
    result.logical.number = *number;
    return result;
}

Result<NativeRequest> create_address(const Words& words) {
    if (words.type != "static") {
        return Error{"-T " + words.type + ": only static; for DHCP see ipmp-ifconfig(8)"};
    }
    if (words.address.empty()) return Error{"-a is missing"};
    std::string text = words.address.starts_with("local=") ? words.address.substr(6) : words.address;
    auto address = parse_ip(text.substr(0, text.find('/')));
    if (!address) return Error{text + ": not an address"};
    auto word = parse_address_word(text, address->family);
    if (!word) return word.error();
    std::uint8_t length = word->prefix_length.value_or(default_prefix_length(*address));
    return NativeRequest(AddressAdd{{*address, length}, interface_of_object(words.operands[0]), !words.down, {}});
}

Result<NativeRequest> delete_address(const std::string& object) {
    std::size_t slash = object.find('/');
    auto address = slash == std::string::npos ? std::nullopt : parse_ip(object.substr(slash + 1));
    if (address) return NativeRequest(AddressDelete{*address, interface_of_object(object)});
    auto place = parse_object(object);
    if (!place) return Error{object + ": not an address object, as ipmp0/v4.1"};
    return NativeRequest(LogicalDelete{place->logical.interface, place->family, place->logical.number});
}

Result<std::vector<NativeRequest>> requests_of(const std::string& verb, const Words& words) {
    std::string name = words.operands.empty() ? "" : words.operands[0];
    if (verb == "show-if") return std::vector<NativeRequest>{Show{Shown::adm_interfaces, name}};
    if (verb == "show-addr") return std::vector<NativeRequest>{Show{Shown::adm_addresses, interface_of_object(name)}};
    if (!wire::is_interface_name(interface_of_object(name))) return Error{name + ": not the name of an interface"};
    bool changes_members = verb == "add-ipmp" || verb == "remove-ipmp";
    if (changes_members && words.nics.empty()) return Error{"-i is missing"};
    if (verb == "create-ipmp") {
        std::vector<NativeRequest> requests{GroupAdd{name, {Family::ipv4}, {}}};
        if (!words.nics.empty()) requests.push_back(MemberAdd{words.nics, name, {}, {}});
        return requests;
    }
    auto one = [](NativeRequest request) { return std::vector<NativeRequest>{std::move(request)}; };
    if (verb == "add-ipmp") return one(MemberAdd{words.nics, name, {}, {}});
    if (verb == "remove-ipmp") return one(MemberDelete{words.nics, name});
    if (verb == "delete-ipmp") return one(GroupDelete{name, words.force});
    if (verb == "create-ip") return one(PlumbNic{name});
    if (verb == "delete-ip") return one(UnplumbNic{name});
    if (verb == "disable-if" || verb == "enable-if") return one(SetInUse{name, verb == "enable-if"});
    IPMP_CHECK(verb == "create-addr" || verb == "delete-addr");
    auto request = verb == "create-addr" ? create_address(words) : delete_address(name);
    if (!request) return request.error();
    return one(*request);
}

}  // namespace

const std::vector<AdmForm>& adm_forms() {
    static const std::vector<AdmForm> kForms{
        {"create-ipmp", "[-t] [-i NIC,...] IPMP", "as group add and member add", true, {"-i"}},
        {"delete-ipmp", "[-f] IPMP", "as group del", true, {"-f"}},
        {"add-ipmp", "[-t] -i NIC,... IPMP", "as member add", true, {"-i"}},
        {"remove-ipmp", "[-t] -i NIC,... IPMP", "as member del", true, {"-i"}},
        {"create-ip", "[-t] NIC", "plumb it for IPv4", false, {}},
        {"delete-ip", "NIC", "unplumb it", false, {}},
        {"create-addr",
         "[-t] [-T static] [-d] -a ADDRESS[/LENGTH] INTERFACE",
         "as address add; tells its object",
         false,
         {"-T", "-d", "-a"}},
        {"delete-addr", "OBJECT", "as address del", false, {}},
        {"disable-if", "-t NIC", "as offline", false, {}},
        {"enable-if", "-t NIC", "as online", false, {}},
        {"show-if", "[INTERFACE]", "interfaces of groups", false, {}},
        {"show-addr", "[OBJECT]", "addresses and their objects", false, {}},
    };
    return kForms;
}

std::string address_object(const LogicalName& logical, Family family) {
    std::string text = logical.interface + (family == Family::ipv4 ? "/v4" : "/v6");
    return logical.number == 0 ? text : text + "." + std::to_string(logical.number);
}

Result<NativeLine> parse_adm_line(const std::vector<std::string>& words) {
    const std::string see = "; see ipmp adm --help";
    auto asks = [](const std::string& word) { return word == "-h" || word == "--help"; };
    if (std::any_of(words.begin(), words.end(), asks)) return NativeLine{.help = help_text()};
    if (words.empty()) return Error{"adm: a command is missing" + see};
    for (const AdmForm& form : adm_forms()) {
        if (form.word != words[0]) continue;
        auto taken = split(form, words);
        if (!taken) return Error{taken.error().within("adm " + words[0]).text + see};
        auto requests = requests_of(words[0], *taken);
        if (!requests) return Error{requests.error().within("adm " + words[0]).text + see};
        return NativeLine{
            .requests = *std::move(requests), .as_json = taken->as_json, .tells_object = words[0] == "create-addr"};
    }
    return Error{"adm " + words[0] + ": unknown command" + see};
}

}  // namespace ipmp
