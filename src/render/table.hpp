// Tables for people and for scripts (R-STA-3), whatever is in them: columns of fixed width with a header once a
// screenful, or lines of fields joined by colons. render/status_table and render/probe_table fill them.
//
// Pure text making: who prints it, and where the number of lines of a screen comes from, is the tool's business.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace ipmp {

struct Column {
    std::string_view name;
    std::size_t width = 0;  // including the blank that separates it from the next
    bool by_default = true;  // shown without -o
};

using Row = std::vector<std::string>;  // one value per column; empty: there is none

// Human form. Values are left-justified; one that is too long pushes the next columns only as far as needed.
class TablePrinter {
  public:
    // A header is put before the first row and again after each `screen_lines` lines.
    TablePrinter(std::vector<Column> columns, std::size_t screen_lines);

    std::string print(const Row& row);

    // The screen has so many lines from now on.
    void resize(std::size_t screen_lines);

  private:
    std::string line(const Row& values) const;

    std::vector<Column> columns_;
    std::size_t screen_lines_ = 1;
    std::size_t printed_lines_ = 0;
};

// Parsable form: `\` and `:` in a value get a `\` in front if there is more than one field.
std::string parsable_line(const Row& row);

// Which columns `-o` chose, as indices into the view's columns, in the order given.
struct FieldChoice {
    std::vector<std::size_t> indices;
    std::vector<std::string> warnings;
};

// Without a list: the leading columns that fit 80 characters, but for those to be asked for. Errors and
// warnings are ipmpstat's own texts.
FieldChoice default_fields(std::span<const Column> columns);
Result<FieldChoice> choose_fields(std::span<const Column> columns, std::string_view list, bool parsable);

}  // namespace ipmp
