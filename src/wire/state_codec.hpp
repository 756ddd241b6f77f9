// State <-> the text of run/ipmp/state.json, by which a restarted daemon goes on where the last one stopped (design
// D6).
//
// Everything is kept but the fields state.hpp marks as transient. A field that is absent takes its default, so that a
// newer daemon goes on from the document of an older one, which lacks what was added since: choose the default of a new
// field to mean "as before there was this field". Unknown fields are refused: an older daemon would forget them.
// The document carries a version; whoever changes the meaning of a field or removes one raises kStateVersion and says
// here how older documents are read.
// A damaged document is refused as a whole, naming the place: nothing half-read ever reaches the engine.
//
// A host with hundreds of NICs has a document of hundreds of kilobytes, of which a step changes a line. So StateEncoder
// remembers the text of each group and interface, and makes anew what differs.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/state.hpp"

namespace ipmp {

inline constexpr std::uint64_t kStateVersion = 1;

class StateEncoder {
  public:
    std::string encode(const State& state);

  private:
    // Text of all of `values`, by name, as one JSON object.
    template <class T>
    class Entries {
      public:
        void append(const std::map<std::string, T>& values, std::string& text);

      private:
        struct Entry {
            T value;
            std::string text;  // with its name
        };
        std::map<std::string, Entry> known_;
    };

    Entries<Group> groups_;
    Entries<Interface> interfaces_;
};

inline std::string encode_state(const State& state) { return StateEncoder().encode(state); }
Result<State> decode_state(std::string_view text);

}  // namespace ipmp
