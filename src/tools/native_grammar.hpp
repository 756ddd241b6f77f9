// The words of `ipmp group`, `member`, `address`, `offline` and `online` (and by native_adm.hpp of `ipmp adm`): one
// table says which verbs there are, what each applies to and which words it takes, in the manner of ip(8). The parser,
// the help and the completion of shells (completion.hpp) read that table, so none of them can know another grammar.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "tools/native_requests.hpp"

namespace ipmp {

// What a word may be: for checking and for completion.
enum class Value : std::uint8_t {
    ipmp_interface,  // there or not yet
    nic,
    interface,  // either of them
    address,    // to be removed, or shown
    prefix,     // A/n
    group_name,
    policy,
    on_off,
    mtu,
    family,
    state,  // up or down
};

struct NativeKeyword {
    std::string_view name;
    Value value;
    bool repeats = false;
    bool required = false;
};

enum class Count : std::uint8_t { optional, one, several };

enum class NativeVerb : std::uint8_t {
    group_add,
    group_set,
    group_delete,
    group_show,
    member_add,
    member_set,
    member_delete,
    member_show,
    address_add,
    address_delete,
    address_show,
    offline,
    online,
};

struct NativeForm {
    NativeVerb verb;
    std::string_view object, word;  // `word` is empty for offline and online
    Value operand;
    Count count = Count::one;
    std::vector<NativeKeyword> keywords = {};
    bool takes_force = false;
    std::string_view summary;
};

const std::vector<NativeForm>& native_forms();

// "flow", "tuple", ...; of a kind that is not a choice: nothing.
std::vector<std::string> choices_of(Value value);

// The first of `words` is one of these verbs.
bool is_native(const std::vector<std::string>& words);

// An error: wrong usage.
Result<NativeLine> parse_native_line(const std::vector<std::string>& words);

}  // namespace ipmp
