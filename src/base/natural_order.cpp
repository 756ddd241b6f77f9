#include "base/natural_order.hpp"

#include <cstddef>

namespace ipmp {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The run of digits at the front of `text`, without leading zeros; `text` moves past it.
std::string_view take_number(std::string_view& text) {
    std::size_t length = 0;
    while (length < text.size() && is_digit(text[length])) ++length;
    std::string_view number = text.substr(0, length);
    text.remove_prefix(length);
    while (number.size() > 1 && number.front() == '0') number.remove_prefix(1);
    return number;
}

}  // namespace

bool natural_less(std::string_view left, std::string_view right) {
    std::string_view whole_left = left;
    std::string_view whole_right = right;
    while (!left.empty() && !right.empty()) {
        if (is_digit(left.front()) && is_digit(right.front())) {
            std::string_view a = take_number(left);
            std::string_view b = take_number(right);
            if (a.size() != b.size()) return a.size() < b.size();
            if (a != b) return a < b;
        } else {
            if (left.front() != right.front()) {
                return static_cast<unsigned char>(left.front()) < static_cast<unsigned char>(right.front());
            }
            left.remove_prefix(1);
            right.remove_prefix(1);
        }
    }
    if (left.empty() != right.empty()) return left.empty();
    return whole_left < whole_right;  // equal but for leading zeros: keep the order strict
}

}  // namespace ipmp
