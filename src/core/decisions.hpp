// The last decisions about each NIC, group and address, with their reasons (model/decision.hpp).
//
// Purpose: nothing here decides. After each step what became of the state is compared with what it was, in one place,
// so that no decision can forget to be recorded. The reason is read off the state, which still shows it then.
//
// Bounds: kPerObject for each NIC and group, and the last kAddressDecisions of all addresses together. Cost: NICs are
// compared with the copy that the step has anyway; bindings only when their numbering shows that some moved.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "model/event.hpp"
#include "model/state.hpp"
#include "model/status.hpp"

namespace ipmp {

class Decisions {
  public:
    static constexpr std::size_t kPerObject = 4;
    static constexpr std::size_t kAddressDecisions = 256;

    // What a former daemon left is where comparing starts: its decisions are not known.
    void resume(const State& restored);

    // `before`: the NICs as they were before the step of `event`.
    void update(const std::map<std::string, Interface>& before, const State& state, const Event& event, Instant now);

    // By sequence; of NICs and groups that still exist. Addresses are not looked for: there may be thousands.
    void describe(const State& state, Status& status) const;

  private:
    struct Entry {
        std::uint64_t sequence = 0, at_ms = 0;
        DecisionKind what = DecisionKind::joined;
        DecisionReason why = DecisionReason::observed;
        std::string group, from, to, command;
    };
    struct AddressEntry {
        IpAddress address;
        Entry entry;
    };
    struct KnownGroup {
        GroupHealth health = GroupHealth::failed;
        std::uint64_t next_sequence = 0;
        std::array<std::vector<Binding>, 2> bindings;
    };
    class Step;
    friend class Step;

    static KnownGroup known(const Group& group);

    std::uint64_t last_sequence_ = 0;
    std::map<std::string, std::deque<Entry>> interfaces_, groups_;  // by name; IPMP interface
    std::deque<AddressEntry> addresses_;
    std::map<std::string, KnownGroup> known_;
};

}  // namespace ipmp
