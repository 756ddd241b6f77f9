// Finds addresses in a KernelState without going through all of them: there may be thousands, and much that asks for
// one asks for each. Made for one observation, which must outlive it unchanged.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "model/kernel_state.hpp"

namespace ipmp {

class AddressIndex {
  public:
    using Found = std::span<const AddressState* const>;

    explicit AddressIndex(const KernelState& kernel) {
        for (const AddressState& seen : kernel.addresses) in_order_.push_back(&seen);
        sorted_ = in_order_;
        std::stable_sort(in_order_.begin(), in_order_.end(), [](auto* a, auto* b) { return a->link < b->link; });
        std::stable_sort(sorted_.begin(), sorted_.end(), [](auto* a, auto* b) { return key(*a) < key(*b); });
    }

    // On whatever link, by link.
    Found holders_of(const IpAddress& address) const {
        auto less = [](const auto& a, const auto& b) { return address_of(a) < address_of(b); };
        auto [first, last] = std::equal_range(sorted_.begin(), sorted_.end(), address, less);
        return {first, last};
    }
    // All on `link`, in the kernel's order.
    Found on(InterfaceIndex link) const {
        auto less = [](const auto& a, const auto& b) { return link_of(a) < link_of(b); };
        auto [first, last] = std::equal_range(in_order_.begin(), in_order_.end(), link, less);
        return {first, last};
    }
    // More than one if `link` has it with several prefix lengths; in the kernel's order.
    Found find(InterfaceIndex link, const IpAddress& address) const {
        auto less = [](const auto& a, const auto& b) { return key_of(a) < key_of(b); };
        auto [first, last] = std::equal_range(sorted_.begin(), sorted_.end(), Key(address, link), less);
        return {first, last};
    }
    bool contains(InterfaceIndex link, const IpAddress& address) const { return !find(link, address).empty(); }
    bool contains(const IpAddress& address) const { return !holders_of(address).empty(); }

    // contains() for who asks in the order of addresses: it goes on from the last answer.
    class Walk {
      public:
        explicit Walk(const AddressIndex& index) : next_(index.sorted_.begin()), end_(index.sorted_.end()) {}
        bool contains(InterfaceIndex link, const IpAddress& address) {
            const Key asked(address, link);
            auto is_before = [&](const AddressState* seen) { return key(*seen) < asked; };
            for (int step = 0; step < kSteps && next_ != end_ && is_before(*next_); ++step) ++next_;
            if (next_ != end_ && is_before(*next_)) next_ = std::partition_point(next_, end_, is_before);
            return next_ != end_ && key(**next_) == asked;
        }

      private:
        static constexpr int kSteps = 4;  // what is further away is searched for
        std::vector<const AddressState*>::const_iterator next_, end_;
    };

  private:
    using Key = std::tuple<const IpAddress&, const InterfaceIndex&>;
    static Key key(const AddressState& seen) { return {seen.address, seen.link}; }
    static Key key_of(const AddressState* seen) { return key(*seen); }
    static Key key_of(const Key& asked) { return asked; }
    static const IpAddress& address_of(const AddressState* seen) { return seen->address; }
    static const IpAddress& address_of(const IpAddress& asked) { return asked; }
    static InterfaceIndex link_of(const AddressState* seen) { return seen->link; }
    static InterfaceIndex link_of(InterfaceIndex asked) { return asked; }

    std::vector<const AddressState*> in_order_, sorted_;  // by link; by address and link
};

}  // namespace ipmp
