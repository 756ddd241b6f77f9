// The loaded programs by what they are for. The dataplane (deciding thread) registers them; the netlink
// thread attaches them and recognises them on links. Shared between the two, hence the mutex.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/unique_fd.hpp"
#include "model/kernel_state.hpp"

namespace ipmp {

class FilterPrograms {
  public:
    struct Owner {
        Filter filter = Filter::none;
        std::string ipmp_interface;
    };

    // Takes a duplicate of `program_fd`. Replaces a former registration of the same (interface, filter).
    void set(const std::string& ipmp_interface, Filter filter, int program_fd, std::uint32_t program_id);
    void erase(const std::string& ipmp_interface);

    // A duplicate of the program's descriptor, or nothing if it is not loaded.
    UniqueFd find(const std::string& ipmp_interface, Filter filter) const;
    // Whose program this kernel-wide program id is; nothing if it is none of the present ones.
    std::optional<Owner> owner_of(std::uint32_t program_id) const;

  private:
    struct Program {
        UniqueFd fd;
        std::uint32_t id = 0;
    };
    mutable std::mutex mutex_;
    std::map<std::pair<std::string, Filter>, Program> programs_;
};

}  // namespace ipmp
