#include "render/probe_table.hpp"

#include <fmt/format.h>

#include <optional>

namespace ipmp {

namespace {

struct Shown {
    const ProbeReport& report;
    Instant began;
    const AddressText& address_text;
};

struct ProbeColumn {
    Column column;
    std::string (*value)(const Shown& shown);
};

std::string milliseconds(const std::optional<Duration>& duration) {
    if (!duration) return "";
    return fmt::format("{:.2f}ms", std::chrono::duration<double, std::milli>(*duration).count());
}

std::string time_of(const Shown& shown) {
    return fmt::format("{:.2f}s", std::chrono::duration<double>(shown.report.started - shown.began).count());
}

constexpr ProbeColumn kColumns[] = {
    {{"TIME", 10}, time_of},
    {{"INTERFACE", 12}, [](const Shown& shown) { return shown.report.interface; }},
    {{"PROBE", 7}, [](const Shown& shown) { return std::to_string(shown.report.id); }},
    {{"NETRTT", 10}, [](const Shown& shown) { return milliseconds(shown.report.network_time); }},
    {{"RTT", 10}, [](const Shown& shown) { return milliseconds(shown.report.round_trip_time); }},
    {{"RTTAVG", 10, false}, [](const Shown& shown) { return milliseconds(shown.report.average); }},
    {{"TARGET", 20}, [](const Shown& shown) { return shown.address_text(shown.report.target); }},
    {{"RTTDEV", 10, false}, [](const Shown& shown) { return milliseconds(shown.report.deviation); }},
};

}  // namespace

std::vector<Column> probe_columns() {
    std::vector<Column> columns;
    for (const ProbeColumn& column : kColumns) columns.push_back(column.column);
    return columns;
}

Row probe_row(const ProbeReport& report, Instant began, std::span<const std::size_t> chosen,
              const AddressText& address_text) {
    Row row;
    for (std::size_t index : chosen) row.push_back(kColumns[index].value({report, began, address_text}));
    return row;
}

}  // namespace ipmp
