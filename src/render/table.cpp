#include "render/table.hpp"

#include <strings.h>

#include <algorithm>
#include <numeric>

namespace ipmp {

namespace {

constexpr std::size_t kDefaultLineWidth = 80;

bool same_ignoring_case(std::string_view left, std::string_view right) {
    return left.size() == right.size() && strncasecmp(left.data(), right.data(), left.size()) == 0;
}

// "unknown output field: `x'" or "unknown output fields: `x' `y'"
std::string unknown_fields(const std::vector<std::string>& names) {
    std::string text = names.size() == 1 ? "unknown output field:" : "unknown output fields:";
    for (const std::string& name : names) text += " `" + name + "'";
    return text;
}

}  // namespace

TablePrinter::TablePrinter(std::vector<Column> columns, std::size_t screen_lines)
    : columns_(std::move(columns)) {
    resize(screen_lines);
}

void TablePrinter::resize(std::size_t screen_lines) { screen_lines_ = std::max<std::size_t>(screen_lines, 1); }

std::string TablePrinter::line(const Row& values) const {
    std::string text;
    std::size_t over = 0;  // how far the line is behind its columns
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::string value = values[i].empty() ? "--" : values[i];
        text += value;
        if (i + 1 == columns_.size()) break;
        std::size_t width = columns_[i].width;
        if (value.size() + over >= width) {
            text += ' ';
            over = over + value.size() + 1 - width;
            continue;
        }
        text.append(width - value.size() - over, ' ');
        over = 0;
    }
    return text + "\n";
}

std::string TablePrinter::print(const Row& row) {
    IPMP_CHECK(row.size() == columns_.size());
    std::string text;
    if (printed_lines_ % screen_lines_ == 0) {
        Row names;
        for (const Column& column : columns_) names.emplace_back(column.name);
        text += line(names);
        ++printed_lines_;
    }
    ++printed_lines_;
    return text + line(row);
}

std::string parsable_line(const Row& row) {
    if (row.size() == 1) return row[0] + "\n";
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i > 0) text += ':';
        for (char c : row[i]) {
            if (c == '\\' || c == ':') text += '\\';
            text += c;
        }
    }
    return text + "\n";
}

FieldChoice default_fields(std::span<const Column> columns) {
    FieldChoice choice;
    std::size_t total_width = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (!columns[i].by_default) continue;
        total_width += columns[i].width;
        if (total_width > kDefaultLineWidth) break;
        choice.indices.push_back(i);
    }
    return choice;
}

Result<FieldChoice> choose_fields(std::span<const Column> columns, std::string_view list, bool parsable) {
    FieldChoice choice;
    if (list == "all") {
        if (parsable) return Error{"output field `all' invalid in parsable mode"};
        choice.indices.resize(columns.size());
        std::iota(choice.indices.begin(), choice.indices.end(), std::size_t{0});
        return choice;
    }
    if (list.empty() && parsable) return Error{"output fields must be specified in parsable mode"};
    std::vector<std::string> unknown;
    while (!list.empty()) {
        std::string_view name = list.substr(0, list.find(','));
        list.remove_prefix(std::min(name.size() + 1, list.size()));
        if (name.empty()) continue;
        auto named = [&](const Column& column) { return same_ignoring_case(column.name, name); };
        auto found = std::find_if(columns.begin(), columns.end(), named);
        if (found == columns.end()) {
            unknown.emplace_back(name);
        } else {
            choice.indices.push_back(static_cast<std::size_t>(found - columns.begin()));
        }
    }
    if (parsable && !unknown.empty()) return Error{unknown_fields(unknown)};
    if (choice.indices.empty()) {
        return Error{parsable ? "output fields must be specified in parsable mode" : "no valid output fields"};
    }
    if (!unknown.empty()) choice.warnings.push_back("ignoring " + unknown_fields(unknown));
    return choice;
}

}  // namespace ipmp
