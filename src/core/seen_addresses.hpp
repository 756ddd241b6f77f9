// The kernel's addresses, to be looked up by link and address: a host may have thousands, and what is planned asks for
// each of them.
#pragma once

#include <algorithm>
#include <span>
#include <tuple>
#include <vector>

#include "model/kernel_state.hpp"

namespace ipmp {

class SeenAddresses {
  public:
    explicit SeenAddresses(const KernelState& kernel) {
        for (const AddressState& seen : kernel.addresses) sorted_.push_back(&seen);
        std::stable_sort(sorted_.begin(), sorted_.end(), [](const AddressState* a, const AddressState* b) {
            return std::tie(a->link, a->address) < std::tie(b->link, b->address);
        });
    }

    // In the kernel's order; several if they differ in their prefixes.
    std::span<const AddressState* const> at(InterfaceIndex link, const IpAddress& address) const {
        auto before = [&](const AddressState* seen) {
            return std::tie(seen->link, seen->address) < std::tie(link, address);
        };
        auto first = std::partition_point(sorted_.begin(), sorted_.end(), before);
        auto last = first;
        while (last != sorted_.end() && (*last)->link == link && (*last)->address == address) ++last;
        return {first, last};
    }

    bool has(InterfaceIndex link, const IpAddress& address) const { return !at(link, address).empty(); }

  private:
    std::vector<const AddressState*> sorted_;  // into the KernelState
};

}  // namespace ipmp
