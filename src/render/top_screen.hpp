// The full screen of `ipmp top`: TopModel -> styled lines. Pure; tools/top feeds the model and owns the terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "model/status.hpp"

namespace ipmp {

// One NIC over time.
struct NicTrack {
    std::vector<std::optional<Duration>> probes;          // the last ones, newest last: round-trip time, or lost
    std::optional<std::uint64_t> received_bps, sent_bps;  // bits a second
};

struct TopModel {
    static constexpr std::size_t kProbes = 60, kEvents = 100;

    Status status;
    bool connected = false;
    bool probes_refused = false;  // the user may not watch them
    std::string time;
    std::map<std::string, NicTrack> nics;
    std::vector<std::string> events;  // newest last

    // Keep the last kProbes and kEvents.
    void note_probe(const std::string& nic, std::optional<Duration> round_trip_time);
    void note_event(std::string text);
};

enum class Style : std::uint8_t { plain, heading, dim, good, warning, bad };

struct Span {
    std::string text;  // UTF-8, each character one column wide
    Style style = Style::plain;
};
using StyledLine = std::vector<Span>;

// At most `height` lines of at most `width` columns, whatever there is to show.
std::vector<StyledLine> top_lines(const TopModel& model, std::size_t width, std::size_t height);

std::string plain_text(const StyledLine& line);

}  // namespace ipmp
