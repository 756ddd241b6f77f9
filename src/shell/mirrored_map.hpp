// A BPF map and what we know it to hold: writes only the difference, in as few system calls as possible.
//
// We are the only writer of these maps (docs/DATAPLANE.md), so the mirror is exact, except for keys whose write
// failed: those are remembered as uncertain and written again whatever their wanted value.
#pragma once

#include <bpf/bpf.h>

#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace ipmp {

// Order by bytes; keys and values of BPF maps have no hidden padding (ipmp_abi.h).
struct ByteLess {
    template <typename T>
    bool operator()(const T& left, const T& right) const {
        static_assert(std::has_unique_object_representations_v<T>);
        return std::memcmp(&left, &right, sizeof(T)) < 0;
    }
};

template <typename Key, typename Value>
class MirroredMap {
  public:
    using Content = std::map<Key, Value, ByteLess>;

    MirroredMap(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}

    // Makes the map equal to `wanted`. For array maps, which cannot delete, `wanted` always names the same keys.
    Result<void> write(const Content& wanted) {
        auto deleted = delete_unwanted(wanted);
        auto updated = add(wanted);
        return deleted ? updated : deleted;
    }

    // Writes what `wanted` names and leaves the rest of the map as it is.
    Result<void> add(const Content& wanted) {
        std::vector<Key> keys;
        std::vector<Value> values;
        for (const auto& [key, value] : wanted) {
            auto known = mirror_.find(key);
            if (known != mirror_.end() && known->second && same(*known->second, value)) continue;
            keys.push_back(key);
            values.push_back(value);
        }
        if (keys.empty()) return {};
        auto written = static_cast<__u32>(keys.size());
        int outcome = keys.size() == 1 ? bpf_map_update_elem(fd_, &keys[0], &values[0], BPF_ANY)
                                       : bpf_map_update_batch(fd_, keys.data(), values.data(), &written, nullptr);
        for (std::size_t i = 0; i < keys.size(); ++i) {
            mirror_[keys[i]] = outcome == 0 ? std::optional(values[i]) : std::nullopt;
        }
        if (outcome < 0) return system_error("update BPF map " + name_, -outcome);
        return {};
    }

  private:
    Result<void> delete_unwanted(const Content& wanted) {
        for (auto entry = mirror_.begin(); entry != mirror_.end();) {
            if (wanted.contains(entry->first)) {
                ++entry;
                continue;
            }
            int outcome = bpf_map_delete_elem(fd_, &entry->first);
            if (outcome < 0 && outcome != -ENOENT) {
                entry->second.reset();
                return system_error("delete from BPF map " + name_, -outcome);
            }
            entry = mirror_.erase(entry);
        }
        return {};
    }

    static bool same(const Value& left, const Value& right) {
        return !ByteLess{}(left, right) && !ByteLess{}(right, left);
    }

    std::string name_;
    int fd_;  // the skeleton's
    std::map<Key, std::optional<Value>, ByteLess> mirror_;
};

}  // namespace ipmp
