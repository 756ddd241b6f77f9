#include "wire/control_codec.hpp"

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "wire/control_fields.hpp"
#include "wire/interface_definitions.hpp"
#include "wire/json_archive.hpp"
#include "wire/probe_report_codec.hpp"
#include "wire/status_codec.hpp"

namespace ipmp {

namespace {

using wire::Json;
using wire::Problem;

constexpr int kMaxDepth = 8;
constexpr std::string_view kInterface = "org.ipmp.Mpathd.";
constexpr std::string_view kService = "org.varlink.service.";

// In the order of the variants' alternatives.
constexpr std::array<const char*, std::variant_size_v<Command>> kCommandMethods{
    "org.ipmp.Mpathd.CreateIpmp", "org.ipmp.Mpathd.Plumb",         "org.ipmp.Mpathd.Unplumb",
    "org.ipmp.Mpathd.SetGroup",   "org.ipmp.Mpathd.SetAddress",    "org.ipmp.Mpathd.SetNetmask",
    "org.ipmp.Mpathd.AddLogical", "org.ipmp.Mpathd.RemoveLogical", "org.ipmp.Mpathd.SetFlags",
    "org.ipmp.Mpathd.SetStandby", "org.ipmp.Mpathd.SetOffline",    "org.ipmp.Mpathd.UndoOffline",
    "org.ipmp.Mpathd.SetPolicy",  "org.ipmp.Mpathd.SetRouter",     "org.ipmp.Mpathd.SetIsolate",
    "org.ipmp.Mpathd.Stop",       "org.ipmp.Mpathd.SetNamespace",  "org.ipmp.Mpathd.SetMtu",
    "org.ipmp.Mpathd.SetMetric",  "org.ipmp.Mpathd.SetEther",      "org.ipmp.Mpathd.SetArp",
    "org.ipmp.Mpathd.SetFailed",  "org.ipmp.Mpathd.SetToken",      "org.ipmp.Mpathd.SetRouteSource",
    "org.ipmp.Mpathd.AwaitAddresses", "org.ipmp.Mpathd.Detach",    "org.ipmp.Mpathd.UndoDetach",
    "org.ipmp.Mpathd.ControlDhcp", "org.ipmp.Mpathd.ReportDhcp",   "org.ipmp.Mpathd.ExpectMember"};
constexpr std::array<const char*, std::variant_size_v<Query>> kQueryMethods{
    "org.ipmp.Mpathd.Ping",        "org.ipmp.Mpathd.GetStatus",   "org.ipmp.Mpathd.GetCounters",
    "org.ipmp.Mpathd.WatchProbes", "org.ipmp.Mpathd.WatchStatus", "org.varlink.service.GetInfo",
    "org.varlink.service.GetInterfaceDescription"};

// In the order of CommandError; the first one is success.
constexpr std::array kErrorNames{"",
                                 "NoSuchInterface",
                                 "AlreadyExists",
                                 "InvalidArgument",
                                 "NotSupported",
                                 "InUse",
                                 "AddressManaged",
                                 "GroupNotEmpty",
                                 "MinimumRedundancy",
                                 "NotInGroup",
                                 "NotOffline",
                                 "AlreadyOffline",
                                 "DuplicateHardwareAddress",
                                 "KernelRefused",
                                 "NoDhcp",
                                 "NoDhcpClient"};
static_assert(kErrorNames.size() == static_cast<std::size_t>(CommandError::no_dhcp_client) + 1);

std::string finished(const Json& message) { return wire::to_text(message) + '\0'; }

std::string encode_parameters(Json parameters) { return finished({{"parameters", std::move(parameters)}}); }

// What the types alone do not say: a prefix length fits its address.
template <class T>
std::optional<Problem> inconsistency(const T&) {
    return {};
}
std::optional<Problem> check_prefix(std::optional<std::uint8_t> prefix_length, Family family) {
    if (prefix_length && *prefix_length > bits_of(family)) return Problem{"prefix_length", "is too long"};
    return {};
}
std::optional<Problem> inconsistency(const SetAddress& command) {
    bool fits =
        !command.broadcast || (command.broadcast->family == Family::ipv4 && command.address.family == Family::ipv4);
    if (!fits) return Problem{"broadcast", "is not for IPv4"};
    return check_prefix(command.prefix_length, command.address.family);
}
std::optional<Problem> inconsistency(const SetNetmask& command) {
    return check_prefix(command.prefix_length, command.family);
}
std::optional<Problem> inconsistency(const Detach& command) {
    for (const std::string& interface : command.interfaces) {
        if (!wire::is_interface_name(interface)) return Problem{"interfaces", "is no list of names of interfaces"};
    }
    return {};
}
std::optional<Problem> inconsistency(const SetNamespace& command) {
    bool fits = command.network_namespace.empty() || wire::is_namespace_name(command.network_namespace);
    if (!fits) return Problem{"network_namespace", "is no name of a network namespace"};
    return {};
}
std::optional<Problem> inconsistency(const AddLogical& command) {
    return check_prefix(command.prefix_length, command.address.family);
}
std::optional<Problem> inconsistency(const ReportDhcp& report) {
    if ((report.news == DhcpNews::bound) != report.address.has_value()) return Problem{"address", "does not fit news"};
    if (report.address && report.address->family != report.family) return Problem{"address", "is of another family"};
    bool ipv4 = report.family == Family::ipv4;
    if (report.broadcast && (!ipv4 || report.broadcast->family != report.family)) {
        return Problem{"broadcast", "is not for IPv4"};
    }
    for (const DhcpRoute& route : report.routes) {
        bool fits = route.network.family == report.family && route.gateway.family == report.family;
        if (!fits || route.prefix_length > bits_of(report.family)) return Problem{"routes", "do not fit the family"};
    }
    for (const std::string& domain : report.names.domains) {
        if (!wire::is_domain_name(domain)) return Problem{"search_domains", "is no list of names of domains"};
    }
    return check_prefix(report.prefix_length, report.family);
}

// Reads `parameters` as alternative I of Variant, if `method` is its name.
template <class Variant, std::size_t I, class Names>
bool decode_as(const std::string& method, const Names& names, const Json& parameters, Variant& target,
               std::optional<Problem>& problem) {
    if (method != names[I]) return false;
    std::variant_alternative_t<I, Variant> value;
    wire::Reader::read(parameters, wire::Reader::kExact, value, problem);
    if (!problem) problem = inconsistency(value);
    target = std::move(value);
    return true;
}

// Finds the alternative of Variant that `method` names; false: none of them.
template <class Variant, class Names>
bool decode_any(const std::string& method, const Names& names, const Json& parameters, Variant& target,
                std::optional<Problem>& problem) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return (decode_as<Variant, I>(method, names, parameters, target, problem) || ...);
    }
    (std::make_index_sequence<std::variant_size_v<Variant>>{});
}

Refusal invalid_parameter(const std::string& parameter) {
    return {"org.varlink.service.InvalidParameter", {{"parameter", parameter}}};
}

Refusal unknown_method(const std::string& method) {
    if (method.starts_with(kInterface) || method.starts_with(kService)) {
        return {"org.varlink.service.MethodNotFound", {{"method", method}}};
    }
    return {"org.varlink.service.InterfaceNotFound", {{"interface", method.substr(0, method.rfind('.'))}}};
}

// Whether many replies answer it, each saying that more come.
bool needs_more(const Query& query) {
    return std::holds_alternative<SubscribeToProbes>(query) || std::holds_alternative<SubscribeToStatus>(query);
}
bool needs_more(const Command&) { return false; }

std::variant<Request, Refusal> decode_call(const std::string& method, const Json& parameters, bool more) {
    std::optional<Problem> problem;
    Request request;
    Command command;
    Query query;
    if (decode_any(method, kCommandMethods, parameters, command, problem)) {
        request.what = std::move(command);
    } else if (decode_any(method, kQueryMethods, parameters, query, problem)) {
        request.what = std::move(query);
    } else {
        return unknown_method(method);
    }
    if (problem) return invalid_parameter(problem->place.empty() ? "parameters" : problem->place);
    auto* asked = std::get_if<Query>(&request.what);
    if (asked && needs_more(*asked) && !more) return Refusal{"org.varlink.service.ExpectedMore", {}};
    return request;
}

template <class T, class Names>
std::string encode_call(const T& call, const Names& names) {
    Json request;
    request["method"] = names[call.index()];
    if (needs_more(call)) request["more"] = true;
    std::visit([&](const auto& value) { wire::Writer::write(request["parameters"], value); }, call);
    return finished(request);
}

// A reply taken apart: `parameters`, and the name of the error if it is one.
struct Answer {
    std::string error;
    Json parameters;
    std::string text() const {
        auto found = parameters.find("text");
        return found != parameters.end() && found->is_string() ? found->get<std::string>() : "";
    }
};

Result<Answer> decode_answer(std::string_view message) {
    auto json = wire::parse_json(message, kMaxDepth);
    if (!json || !json->is_object()) return Error{"the daemon's answer is not a JSON object"};
    Answer answer{"", Json::object()};
    auto parameters = json->find("parameters");
    if (parameters != json->end() && parameters->is_object()) answer.parameters = *parameters;
    auto error = json->find("error");
    if (error == json->end()) return answer;
    if (!error->is_string()) return Error{"the daemon's answer has an error that is not a string"};
    answer.error = error->get<std::string>();
    return answer;
}

// An error that is not about a command: the request as such was not accepted.
Error protocol_error(const Answer& answer) {
    if (answer.error == permission_denied().error) return {"permission denied", EPERM};
    return {"in.mpathd refused the request: " + answer.error + " " + wire::to_text(answer.parameters)};
}

}  // namespace

std::variant<Request, Refusal> decode_request(std::string_view message) {
    auto json = wire::parse_json(message, kMaxDepth);
    if (!json || !json->is_object()) return invalid_parameter("request");
    auto flag = [&](const char* name) {
        auto found = json->find(name);
        return found != json->end() && found->is_boolean() && found->get<bool>();
    };
    auto with_oneway = [&](auto result) {
        std::visit([&](auto& content) { content.oneway = flag("oneway"); }, result);
        return result;
    };
    using Decoded = std::variant<Request, Refusal>;
    auto method = json->find("method");
    if (method == json->end() || !method->is_string()) return with_oneway(Decoded{invalid_parameter("method")});
    if (flag("upgrade")) return with_oneway(Decoded{invalid_parameter("upgrade")});
    auto parameters = json->find("parameters");
    bool none = parameters == json->end() || parameters->is_null();
    return with_oneway(decode_call(method->get<std::string>(), none ? Json::object() : *parameters, flag("more")));
}

Refusal permission_denied() { return {"org.varlink.service.PermissionDenied", {}}; }

std::string encode_refusal(const Refusal& refusal) {
    return finished({{"error", refusal.error}, {"parameters", Json(refusal.parameters)}});
}

std::string encode_reply(const CommandReply& reply) {
    if (reply.error != CommandError::none) {
        std::string name = std::string(kInterface) + kErrorNames[static_cast<std::size_t>(reply.error)];
        return finished({{"error", name}, {"parameters", {{"text", reply.text}}}});
    }
    Json parameters = Json::object();
    if (!reply.detail.empty()) parameters["detail"] = reply.detail;
    if (!reply.unsaved.empty()) parameters["unsaved"] = reply.unsaved;
    return encode_parameters(std::move(parameters));
}

std::string encode_ping_reply() { return encode_parameters(Json::object()); }

std::string encode_status_reply(const Status& status) {
    return encode_parameters({{"status", status_to_json(status)}});
}

std::string encode_counters_reply(const Counters& counters) {
    Json parameters;
    wire::Writer::write(parameters["counters"], counters);
    return encode_parameters(std::move(parameters));
}

std::string encode_probe_reply(const ProbeReport& report, std::uint64_t dropped) {
    Json parameters{{"probe", probe_report_to_json(report)}, {"dropped", dropped}};
    return finished({{"parameters", std::move(parameters)}, {"continues", true}});
}

std::string encode_status_news_reply(const StatusNews& news) {
    return finished({{"parameters", status_news_to_json(news)}, {"continues", true}});
}

std::string encode_info_reply() {
    return encode_parameters({{"vendor", "IPMP for Linux"},
                              {"product", "in.mpathd"},
                              {"version", kVersion},
                              {"url", ""},
                              {"interfaces", {"org.varlink.service", "org.ipmp.Mpathd"}}});
}

std::string encode_description_reply(const std::string& interface) {
    if (interface == "org.ipmp.Mpathd") return encode_parameters({{"description", kMpathdDefinition}});
    if (interface == "org.varlink.service") return encode_parameters({{"description", kServiceDefinition}});
    return encode_refusal({"org.varlink.service.InterfaceNotFound", {{"interface", interface}}});
}

std::string encode_request(const Command& command) { return encode_call(command, kCommandMethods); }
std::string encode_request(const Query& query) { return encode_call(query, kQueryMethods); }

Result<CommandReply> decode_reply(std::string_view message) {
    auto answer = decode_answer(message);
    if (!answer) return answer.error();
    CommandReply reply;
    if (answer->error.empty()) {
        for (auto [name, part] : {std::pair("detail", &reply.detail), {"unsaved", &reply.unsaved}}) {
            auto told = answer->parameters.find(name);
            if (told != answer->parameters.end() && told->is_string()) *part = told->get<std::string>();
        }
        return reply;
    }
    for (std::size_t i = 1; i < kErrorNames.size(); ++i) {
        if (answer->error != std::string(kInterface) + kErrorNames[i]) continue;
        reply.error = static_cast<CommandError>(i);
        reply.text = answer->text();
        return reply;
    }
    return protocol_error(*answer);
}

Result<void> decode_ping_reply(std::string_view message) {
    auto answer = decode_answer(message);
    if (!answer) return answer.error();
    if (!answer->error.empty()) return protocol_error(*answer);
    return {};
}

Result<Status> decode_status_reply(std::string_view message) {
    auto answer = decode_answer(message);
    if (!answer) return answer.error();
    if (!answer->error.empty()) return protocol_error(*answer);
    return status_from_json(answer->parameters.value("status", Json()));
}

Result<Counters> decode_counters_reply(std::string_view message) {
    auto answer = decode_answer(message);
    if (!answer) return answer.error();
    if (!answer->error.empty()) return protocol_error(*answer);
    Counters counters;
    std::optional<Problem> problem;
    wire::Reader reader(answer->parameters, wire::Reader::kFromNewer, problem);
    reader("counters", counters);
    if (problem) return problem->error();
    return counters;
}

Result<ProbeNews> decode_probe_reply(std::string_view message) {
    auto answer = decode_answer(message);
    if (!answer) return answer.error();
    if (!answer->error.empty()) return protocol_error(*answer);
    auto report = probe_report_from_json(answer->parameters.value("probe", Json()));
    if (!report) return report.error();
    ProbeNews news{.probe = std::move(*report)};
    auto dropped = answer->parameters.find("dropped");
    if (dropped != answer->parameters.end() && dropped->is_number_unsigned()) {
        news.dropped = dropped->get<std::uint64_t>();
    }
    return news;
}

Result<StatusNews> decode_status_news_reply(std::string_view message) {
    auto answer = decode_answer(message);
    if (!answer) return answer.error();
    if (!answer->error.empty()) return protocol_error(*answer);
    return status_news_from_json(answer->parameters);
}

}  // namespace ipmp
