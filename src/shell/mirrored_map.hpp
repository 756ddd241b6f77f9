// A BPF map and what we know it to hold: writes only the difference, in as few system calls as possible.
//
// We are the only writer of these maps (docs/DATAPLANE.md), so the mirror is exact, except for keys whose write
// failed: those are remembered as uncertain and written again whatever their wanted value.
#pragma once

#include <bpf/bpf.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace ipmp {

// Numbers in their order, all else by bytes; keys and values of BPF maps have no hidden padding (ipmp_abi.h).
struct AbiLess {
    template <typename T>
    bool operator()(const T& left, const T& right) const {
        static_assert(std::has_unique_object_representations_v<T>);
        if constexpr (std::is_integral_v<T>)
            return left < right;
        else
            return std::memcmp(&left, &right, sizeof(T)) < 0;
    }
};

template <typename Key, typename Value>
class MirroredMap {
  public:
    using Content = std::vector<std::pair<Key, Value>>;  // each key once, in any order

    MirroredMap(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}

    // Makes the map equal to `wanted`. For array maps, which cannot delete, `wanted` always names the same keys.
    Result<void> write(Content wanted) {
        sort(wanted);
        auto deleted = delete_unwanted(wanted);
        auto updated = put(wanted);
        return deleted ? updated : deleted;
    }

    // Writes what `wanted` names and leaves the rest of the map as it is.
    Result<void> add(Content wanted) {
        sort(wanted);
        return put(wanted);
    }

  private:
    using Mirror = std::map<Key, std::optional<Value>, AbiLess>;

    static bool before(const std::pair<Key, Value>& left, const std::pair<Key, Value>& right) {
        return AbiLess{}(left.first, right.first);
    }
    static void sort(Content& content) {
        if (!std::ranges::is_sorted(content, before)) std::ranges::sort(content, before);
    }

    // Traffic waits for this after a failure: the two are gone through side by side, and nodes are made for new keys
    // alone.
    Result<void> put(const Content& wanted) {
        std::vector<Key> keys;
        std::vector<Value> values;
        std::vector<std::optional<Value>*> entries;
        auto known = mirror_.begin();
        for (const auto& [key, value] : wanted) {
            while (known != mirror_.end() && AbiLess{}(known->first, key)) ++known;
            if (known == mirror_.end() || AbiLess{}(key, known->first))
                known = mirror_.emplace_hint(known, key, std::nullopt);
            if (known->second && same(*known->second, value)) continue;
            known->second.reset();
            keys.push_back(key);
            values.push_back(value);
            entries.push_back(&known->second);
        }
        if (keys.empty()) return {};
        auto written = static_cast<__u32>(keys.size());
        int outcome = keys.size() == 1 ? bpf_map_update_elem(fd_, &keys[0], &values[0], BPF_ANY)
                                       : bpf_map_update_batch(fd_, keys.data(), values.data(), &written, nullptr);
        if (outcome < 0) return system_error("update BPF map " + name_, -outcome);
        for (std::size_t i = 0; i < entries.size(); ++i) *entries[i] = values[i];
        return {};
    }

    Result<void> delete_unwanted(const Content& wanted) {
        auto next = wanted.begin();
        for (auto entry = mirror_.begin(); entry != mirror_.end();) {
            while (next != wanted.end() && AbiLess{}(next->first, entry->first)) ++next;
            if (next != wanted.end() && !AbiLess{}(entry->first, next->first)) {
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
        static_assert(std::has_unique_object_representations_v<Value>);
        return std::memcmp(&left, &right, sizeof(Value)) == 0;
    }

    std::string name_;
    int fd_;  // the skeleton's
    Mirror mirror_;
};

}  // namespace ipmp
