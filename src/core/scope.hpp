// Whom a decision is about. Dozens of groups make one that is about all of them take milliseconds, and the traffic of a
// group that has just lost a link must not wait for what the others have to do with it, which is nothing.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace ipmp {

class Scope {
  public:
    static Scope everybody() { return {}; }
    // By IPMP interface; "" for those in no group.
    explicit Scope(std::set<std::string, std::less<>> groups) : groups_(std::move(groups)) {}

    bool contains(std::string_view group) const { return !groups_ || groups_->contains(group); }
    bool is_everybody() const { return !groups_; }

  private:
    Scope() = default;
    std::optional<std::set<std::string, std::less<>>> groups_;  // nothing: all there are
};

}  // namespace ipmp
