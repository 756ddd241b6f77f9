// State <-> the text of run/ipmp/state.json, by which a restarted daemon goes on where the last one stopped (design
// D6).
//
// Everything is kept but the fields state.hpp marks as transient. The document carries a version; whoever changes the
// meaning of a field, adds or removes one, raises kStateVersion and says here how older documents are read.
// `uniqueness` came to version 1 later: an address without it is settled.
// A damaged document is refused as a whole, naming the place: nothing half-read ever reaches the engine.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/state.hpp"

namespace ipmp {

inline constexpr std::uint64_t kStateVersion = 1;

std::string encode_state(const State& state);
Result<State> decode_state(std::string_view text);

}  // namespace ipmp
