#include "render/top_screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ipmp {

namespace {

constexpr std::size_t kSparks = 24;  // columns of probes

struct Section {
    StyledLine heading;
    std::vector<StyledLine> rows;
    bool newest_last = false;  // of too many the last are shown
};

// What the kernel lets a name be: any byte. Here each byte is one column.
std::string printable(std::string text) {
    for (char& c : text) {
        if (c < ' ' || c > '~') c = '?';
    }
    return text;
}

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::size_t columns_of(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string cut(const std::string& text, std::size_t columns) {
    std::size_t seen = 0, bytes = 0;
    for (; bytes < text.size(); ++bytes) {
        if (starts_character(text[bytes]) && seen++ == columns) break;
    }
    return text.substr(0, bytes);
}

StyledLine fit(StyledLine line, std::size_t width) {
    StyledLine fitting;
    for (Span& span : line) {
        std::size_t columns = columns_of(span.text);
        if (columns > width) span.text = cut(span.text, width);
        width -= std::min(width, columns);
        if (!span.text.empty()) fitting.push_back(std::move(span));
    }
    return fitting;
}

// Left-justified, with a blank behind it in any case.
std::string column(const std::string& text, std::size_t width) {
    return fmt::format("{:<{}} ", cut(text, width), width);
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
    return printable(text);
}

std::string rate_text(const std::optional<std::uint64_t>& bps) {
    constexpr const char* kUnits[] = {"", "k", "M", "G"};
    if (!bps) return "-";
    double value = static_cast<double>(*bps);
    std::size_t unit = 0;
    for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
    return unit == 0 ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}{}", value, kUnits[unit]);
}

Section groups_of(const TopModel& model) {
    Section section{{{column("GROUP", 10) + column("STATE", 9) + column("FDT", 8) + column("SPREAD", 12) + "INTERFACES",
                      Style::heading}},
                    {}};
    constexpr const char* kPolicies[] = {"flow", "tuple", "destination", "source"};
    for (const GroupStatus& group : model.status.groups) {
        auto [word, style] = group.state == GroupHealth::ok         ? std::pair("ok", Style::good)
                             : group.state == GroupHealth::degraded ? std::pair("degraded", Style::warning)
                                                                    : std::pair("failed", Style::bad);
        auto time_ms = group.failure_detection_time_ms;
        StyledLine line{{column(printable(group.interface.empty() ? "--" : group.interface), 10)},
                        {column(word, 9), style},
                        {column(time_ms ? fmt::format("{:.2f}s", *time_ms / 1000.0) : "--", 8)},
                        {column(kPolicies[static_cast<std::size_t>(group.policy)], 12)},
                        {joined(group.active), Style::good}};
        if (!group.inactive.empty()) line.push_back({" (" + joined(group.inactive) + ")", Style::dim});
        if (!group.unusable.empty()) line.push_back({" [" + joined(group.unusable) + "]", Style::bad});
        section.rows.push_back(std::move(line));
    }
    return section;
}

std::pair<const char*, Style> role_of(const InterfaceStatus& nic) {
    switch (nic.state) {
        case InterfaceHealth::failed:
            return {"failed", Style::bad};
        case InterfaceHealth::offline:
            return {"offline", Style::warning};
        case InterfaceHealth::ok:
        case InterfaceHealth::unknown:
            break;
    }
    if (nic.active) return {"active", Style::good};
    if (nic.inactive) return {nic.standby ? "standby" : "inactive", Style::dim};
    return {"unknown", Style::warning};
}

// The newest to the right; heights between the quickest and the slowest of those shown.
void add_sparks(StyledLine& line, const NicTrack& track) {
    constexpr const char* kHeights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    std::size_t first = track.probes.size() - std::min(track.probes.size(), kSparks);
    Duration least = Duration::max(), most{};
    for (std::size_t i = first; i < track.probes.size(); ++i) {
        if (!track.probes[i]) continue;
        least = std::min(least, *track.probes[i]);
        most = std::max(most, *track.probes[i]);
    }
    for (std::size_t i = first; i < track.probes.size(); ++i) {
        const auto& probe = track.probes[i];
        Style style = probe ? Style::good : Style::bad;
        std::size_t height = 0;
        if (probe && most > least) height = static_cast<std::size_t>((*probe - least) * 7 / (most - least));
        if (line.back().style != style) line.push_back({"", style});
        line.back().text += probe ? kHeights[height] : "!";
    }
}

std::string loss_text(const NicTrack& track) {
    if (track.probes.empty()) return "-";
    auto lost = std::count(track.probes.begin(), track.probes.end(), std::nullopt);
    return fmt::format("{}%", (static_cast<std::size_t>(lost) * 100 + track.probes.size() / 2) / track.probes.size());
}

std::string time_text(const NicTrack& track) {
    if (track.probes.empty() || !track.probes.back()) return "-";
    return fmt::format("{:.2f}ms", static_cast<double>(track.probes.back()->count()) / 1e6);
}

Section interfaces_of(const TopModel& model) {
    Section section{{{column("INTERFACE", 10) + column("GROUP", 8) + column("STATE", 8) + column("LINK", 4) +
                          column("IN b/s", 7) + column("OUT b/s", 7) + column("ADDRS", 5) + column("LOSS", 4) +
                          column("RTT", 8) + (model.probes_refused ? "PROBES: permission denied" : "PROBES"),
                      Style::heading}},
                    {}};
    for (const InterfaceStatus& nic : model.status.interfaces) {
        auto found = model.nics.find(nic.name);
        NicTrack track = found == model.nics.end() ? NicTrack{} : found->second;
        auto addresses = std::count_if(model.status.addresses.begin(), model.status.addresses.end(),
                                       [&](const AddressStatus& address) { return address.inbound == nic.name; });
        auto [word, style] = role_of(nic);
        bool up = nic.link == LinkHealth::up;
        StyledLine line{{column(printable(nic.name), 10) + column(printable(nic.group), 8)},
                        {column(word, 8), style},
                        {column(up ? "up" : "down", 4), up ? Style::plain : Style::bad},
                        {column(rate_text(track.received_bps), 7) + column(rate_text(track.sent_bps), 7) +
                         column(std::to_string(addresses), 5) + column(loss_text(track), 4) +
                         column(nic.probe == ProbeHealth::disabled ? "off" : time_text(track), 8)}};
        if (nic.probe != ProbeHealth::disabled) add_sparks(line, track);
        section.rows.push_back(std::move(line));
    }
    return section;
}

Section addresses_of(const TopModel& model) {
    Section section{{{column("ADDRESS", 26) + column("GROUP", 8) + column("INBOUND", 10) + "OUTBOUND", Style::heading}},
                    {}};
    for (const AddressStatus& address : model.status.addresses) {
        if (address.address.is_zero()) continue;
        std::string inbound = printable(address.inbound);
        Style style = address.up ? Style::bad : Style::dim;
        if (!inbound.empty()) style = Style::plain;
        section.rows.push_back({{column(to_string(address.address), 26) + column(printable(address.group), 8)},
                                {column(inbound.empty() ? (address.up ? "none" : "down") : inbound, 10), style},
                                {joined(address.outbound)}});
    }
    return section;
}

Section events_of(const TopModel& model) {
    Section section{{{"LAST EVENTS", Style::heading}}, {}, true};
    for (const std::string& event : model.events) section.rows.push_back({{printable(event)}});
    return section;
}

// One more row for each in turn until there is no room, so that none crowds out another.
std::vector<std::size_t> share(const std::vector<Section>& sections, std::size_t room) {
    std::vector<std::size_t> rows(sections.size());
    for (bool given = true; given && room > 0;) {
        given = false;
        for (std::size_t i = 0; i < sections.size() && room > 0; ++i) {
            if (rows[i] == sections[i].rows.size()) continue;
            ++rows[i];
            --room;
            given = true;
        }
    }
    return rows;
}

void append(std::vector<StyledLine>& lines, const Section& section, std::size_t rows) {
    lines.push_back({});
    lines.push_back(section.heading);
    std::size_t total = section.rows.size();
    if (section.newest_last) {
        lines.insert(lines.end(), section.rows.end() - static_cast<std::ptrdiff_t>(rows), section.rows.end());
        return;
    }
    bool all = rows == total;
    std::size_t shown = all ? total : rows - std::min<std::size_t>(rows, 1);
    lines.insert(lines.end(), section.rows.begin(), section.rows.begin() + static_cast<std::ptrdiff_t>(shown));
    if (!all && rows > 0) lines.push_back({{fmt::format("... {} more", total - shown), Style::dim}});
}

}  // namespace

void TopModel::note_probe(const std::string& nic, std::optional<Duration> round_trip_time) {
    auto& probes = nics[nic].probes;
    probes.push_back(round_trip_time);
    if (probes.size() > kProbes) probes.erase(probes.begin());
}

void TopModel::note_event(std::string text) {
    events.push_back(std::move(text));
    if (events.size() > kEvents) events.erase(events.begin());
}

std::vector<StyledLine> top_lines(const TopModel& model, std::size_t width, std::size_t height) {
    StyledLine head{{"ipmp top", Style::heading}, {"  " + model.time + "  "}};
    if (model.connected)
        head.push_back({"q quits", Style::dim});
    else
        head.push_back({"waiting for in.mpathd: what is shown is how it was", Style::bad});
    std::vector<StyledLine> lines{std::move(head)};
    std::vector<Section> sections{groups_of(model), interfaces_of(model), addresses_of(model), events_of(model)};
    std::erase_if(sections, [](const Section& section) { return section.rows.empty(); });
    constexpr std::size_t kFrame = 2;  // blank line and heading
    while (!sections.empty() && height < lines.size() + sections.size() * (kFrame + 1)) sections.pop_back();
    if (sections.empty() && model.connected) lines.push_back({{"there are no groups", Style::dim}});
    std::vector<std::size_t> rows = share(sections, height - std::min(height, 1 + sections.size() * kFrame));
    for (std::size_t i = 0; i < sections.size(); ++i) append(lines, sections[i], rows[i]);
    if (lines.size() > height) lines.resize(height);
    for (StyledLine& line : lines) line = fit(std::move(line), width);
    return lines;
}

std::string plain_text(const StyledLine& line) {
    std::string text;
    for (const Span& span : line) text += span.text;
    return text;
}

}  // namespace ipmp
