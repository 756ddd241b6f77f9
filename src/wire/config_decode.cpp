#include "wire/config_decode.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>

namespace ipmp {

namespace {

constexpr std::chrono::milliseconds kMinimumDetectionTime{100};
constexpr std::int64_t kMostLinkUps = 1000;  // each one is remembered for a minute
constexpr std::int64_t kMostProbes = 20;     // an address waits for all of them
constexpr std::int64_t kMostAnnouncements = 1'000'000;
constexpr std::size_t kMaxShownBytes = 100;  // of a bad value, in messages

bool same_ignoring_case(std::string_view left, std::string_view right) {
    return left.size() == right.size() && strncasecmp(left.data(), right.data(), left.size()) == 0;
}

// The value of the first line `name`=…
std::optional<std::string> value_of(std::string_view text, std::string_view name) {
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
        if (line.size() > name.size() && line[name.size()] == '=' &&
            same_ignoring_case(line.substr(0, name.size()), name)) {
            return std::string(line.substr(name.size() + 1));
        }
    }
    return {};
}

// A C integer in decimal, octal (0…) or hexadecimal (0x…); what follows the digits is ignored.
// -1 if there is none: no setting may be negative.
std::int64_t parse_integer(const std::string& text) {
    char* end = nullptr;
    errno = 0;
    std::int64_t number = std::strtoll(text.c_str(), &end, 0);
    if (end == text.c_str() || errno != 0) return -1;
    return number;
}

std::string shown(const std::string& value) { return value.substr(0, kMaxShownBytes); }

void read_detection_time(std::string_view text, DecodedConfig& result) {
    auto value = value_of(text, "FAILURE_DETECTION_TIME");
    if (!value) return;
    std::int64_t number = parse_integer(*value);
    if (number <= 0 || number > std::numeric_limits<std::int32_t>::max()) {
        result.messages.push_back(
            fmt::format("Invalid failure detection time of {}, assuming default of 10000 ms", shown(*value)));
    } else if (number < kMinimumDetectionTime.count()) {
        result.messages.push_back(
            fmt::format("Too small failure detection time of {}, assuming minimum of 100 ms", number));
        result.config.failure_detection_time = kMinimumDetectionTime;
    } else {
        result.config.failure_detection_time = std::chrono::milliseconds(number);
    }
}

struct Word {
    const char* word;
    bool meaning;
};

// One of two words; the value stays as it is with any other.
void read_word(std::string_view text, const char* name, const std::array<Word, 2>& words, bool& target,
               DecodedConfig& result) {
    auto value = value_of(text, name);
    if (!value) return;
    for (const Word& known : words) {
        if (!same_ignoring_case(*value, known.word)) continue;
        target = known.meaning;
        return;
    }
    result.messages.push_back(fmt::format("Invalid value for {} {}", name, shown(*value)));
}

constexpr std::array kYesNo{Word{"yes", true}, Word{"no", false}};

void read_group_failure(std::string_view text, DecodedConfig& result) {
    bool keep = true;
    read_word(text, "GROUP_FAILURE", {Word{"keep", true}, Word{"down", false}}, keep, result);
    result.config.group_failure = keep ? GroupFailure::keep : GroupFailure::down;
}

template <typename Number>
void read_number(std::string_view text, const char* name, std::int64_t least, std::int64_t most, Number& target,
                 DecodedConfig& result) {
    auto value = value_of(text, name);
    if (!value) return;
    std::int64_t number = parse_integer(*value);
    if (number < least || number > most) {
        result.messages.push_back(fmt::format("Invalid value for {} {}", name, shown(*value)));
    } else {
        target = static_cast<Number>(number);
    }
}

}  // namespace

DecodedConfig decode_config(std::string_view text) {
    DecodedConfig result;
    read_detection_time(text, result);
    read_word(text, "FAILBACK", kYesNo, result.config.failback, result);
    read_word(text, "TRACK_INTERFACES_ONLY_WITH_GROUPS", kYesNo, result.config.track_only_groups, result);
    read_word(text, "SUSPICION_PROBES", kYesNo, result.config.suspicion_probes, result);
    read_word(text, "FAST_PATH", kYesNo, result.config.fast_path, result);
    read_group_failure(text, result);
    Config& config = result.config;
    read_number(text, "LINK_UPS_PER_MINUTE", 0, kMostLinkUps, config.link_ups_per_minute, result);
    read_number(text, "DUPLICATE_ADDRESS_PROBES", 0, kMostProbes, config.duplicate_address_probes, result);
    read_number(text, "ANNOUNCEMENTS_PER_SECOND", 1, kMostAnnouncements, config.announcements_per_second, result);
    read_number(text, "FILTER_PRIORITY", 1, std::numeric_limits<std::uint16_t>::max(), config.filter_priority, result);
    return result;
}

}  // namespace ipmp
