// C++ values as the plain structures of ipmp.h. A result object owns everything its structure points to, and its
// structure comes first in it, so that the C side's pointer is all that is needed to free it.
#pragma once

#include <sys/socket.h>

#include <deque>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "libipmp/facts.hpp"
#include "libipmp/ipmp/ipmp.h"
#include "model/status.hpp"

namespace ipmp {

sockaddr_storage to_sockaddr(const IpAddress& address);

// Strings and lists of strings that stay where they are.
class Texts {
  public:
    const char* keep(const std::string& text) { return texts_.emplace_back(text).c_str(); }
    const char* const* keep(const std::vector<std::string>& names);

  private:
    std::deque<std::string> texts_;
    std::deque<std::vector<const char*>> lists_;
};

// An array of pointers to elements that stay where they are.
template <class T>
class Elements {
  public:
    T& add() {
        T& element = elements_.emplace_back();
        pointers_.push_back(&element);
        return element;
    }
    std::size_t count() const { return pointers_.size(); }
    const T* const* pointers() const { return pointers_.data(); }

  private:
    std::deque<T> elements_;
    std::vector<const T*> pointers_;
};

struct SnapshotResult : ipmp_snapshot_t {
    explicit SnapshotResult(const Status& status);

  private:
    void add(const GroupStatus& group);
    void add(const InterfaceStatus& interface);
    void add(const AddressStatus& address);
    void add(const TargetStatus& row);

    Texts texts_;
    Elements<ipmp_group_t> groups_;
    Elements<ipmp_interface_t> interfaces_;
    Elements<ipmp_address_t> addresses_;
    Elements<ipmp_target_t> targets_;
    std::deque<std::vector<sockaddr_storage>> lists_;
};

struct LifsResult : ipmp_lifs_t {
    // `family`: AF_INET, AF_INET6 or AF_UNSPEC.
    LifsResult(const std::vector<PlumbedInterface>& interfaces, int family);

  private:
    void add(const PlumbedInterface& interface, const LogicalStatus& logical);

    Texts texts_;
    Elements<ipmp_lif_t> lifs_;
};

struct EventResult : ipmp_event_t {
    explicit EventResult(const Difference& difference);

  private:
    Texts texts_;
};

}  // namespace ipmp
