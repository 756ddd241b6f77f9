// The messages of the control socket: Varlink, that is JSON objects each ended by a NUL byte.
//
// A request names a method of org.ipmp.Mpathd (org.ipmp.Mpathd.varlink) or of org.varlink.service; the reply carries
// `parameters`, or the name of an `error` with its own. Every Command has one method of the same name. The daemon
// decodes requests, which may be hostile, and encodes replies; the tools do the reverse. Nothing here throws.
// WatchProbes and WatchStatus have replies without end, each of which says so (`continues`); they are refused without
// `more`.
//
// All encode_… functions return whole messages including the NUL; all decode_… functions take them without it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "model/command.hpp"
#include "model/probe.hpp"
#include "model/status.hpp"
#include "model/status_news.hpp"

namespace ipmp {

inline constexpr std::size_t kMaxRequestBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kMaxReplyBytes = std::size_t{16} * 1024 * 1024;

using Counters = std::map<std::string, std::uint64_t>;

struct Ping {};
struct GetStatus {
    std::optional<std::vector<StatusList>> only;  // none: all of them
};
struct GetCounters {};
struct SubscribeToProbes {};  // method WatchProbes: a reply for every ProbeReport from now on, without end
struct SubscribeToStatus {};  // method WatchStatus: all of it, then a reply for every StatusNews, without end
struct GetInfo {};  // org.varlink.service
struct GetInterfaceDescription {
    std::string interface;
};  // org.varlink.service

using Query = std::variant<Ping, GetStatus, GetCounters, SubscribeToProbes, SubscribeToStatus, GetInfo,
                           GetInterfaceDescription>;

// What a subscriber to probes is told. `dropped`: so many before it were not, as they were not read in time.
struct ProbeNews {
    ProbeReport probe;
    std::uint64_t dropped = 0;
};

struct Request {
    std::variant<Command, Query> what;
    bool oneway = false;  // the client wants no reply
};

// Why a request was not even tried, as the error reply says it.
struct Refusal {
    std::string error;
    std::map<std::string, std::string> parameters;
    bool oneway = false;
};

// The daemon's side.
std::variant<Request, Refusal> decode_request(std::string_view message);
Refusal permission_denied();
std::string encode_refusal(const Refusal& refusal);
std::string encode_reply(const CommandReply& reply);
std::string encode_ping_reply();
std::string encode_status_reply(const Status& status);
std::string encode_counters_reply(const Counters& counters);
std::string encode_probe_reply(const ProbeReport& report, std::uint64_t dropped);
std::string encode_status_news_reply(const StatusNews& news);
std::string encode_info_reply();
std::string encode_description_reply(const std::string& interface);

// The tools' side. A refused command is a CommandReply; errors of the protocol itself are Errors, among them
// "permission denied" with error_number EPERM.
std::string encode_request(const Command& command);
std::string encode_request(const Query& query);
Result<CommandReply> decode_reply(std::string_view message);
Result<void> decode_ping_reply(std::string_view message);
Result<Status> decode_status_reply(std::string_view message);
Result<Counters> decode_counters_reply(std::string_view message);
Result<ProbeNews> decode_probe_reply(std::string_view message);
Result<StatusNews> decode_status_news_reply(std::string_view message);

}  // namespace ipmp
