// run/ipmp on disk: the directory, the lock that makes the daemon the only one, and state.json, replaced
// atomically whenever the state changed (design D6).
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/paths.hpp"
#include "model/state.hpp"
#include "wire/state_codec.hpp"

namespace ipmp {

class StateStore {
  public:
    // Makes the directory and takes the lock; fails if another daemon has it.
    static Result<StateStore> open(const Paths& paths);

    int directory_fd() const { return directory_.get(); }

    // What the last daemon left; an empty State if there is no file. A damaged file is an Error.
    Result<State> load() const;
    // Sets a damaged file aside as state.json.bad, so that nothing is lost and the daemon can start.
    void set_aside() const;
    // Writes only if the text differs from what was written last.
    Result<void> save(const State& state);

  private:
    UniqueFd directory_;
    UniqueFd lock_;
    StateEncoder encoder_;
    std::string written_;
};

}  // namespace ipmp
