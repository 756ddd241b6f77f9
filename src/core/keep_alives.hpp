// Keeps every MAC that data addresses are bound to known at its own switch port (datapath.md L11.3). Switches forget a
// MAC that has sent nothing for 300 s and then flood what is for it; outbound traffic may choose other NICs, so a NIC
// that only receives might never send. Each NIC with bound addresses therefore announces one of them from time to
// time, each in turn. One frame is enough for a switch, whatever its family. A NIC without bound addresses needs none:
// nobody sends to it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "core/address_index.hpp"
#include "model/action.hpp"
#include "model/dataplane_image.hpp"

namespace ipmp {

class KeepAlives {
  public:
    static constexpr Duration kInterval = std::chrono::seconds(110);       // 120 s, less what a busy host is late
    static constexpr Duration kApart = std::chrono::milliseconds(100);  // no two NICs at the same time

    // Appends what is due. Only addresses that are `present` on the IPMP interface are announced.
    void update(const DataplaneImage& image, const AddressIndex& present, Instant now, std::vector<Action>& actions);

    std::optional<Instant> deadline() const;

  private:
    struct Turn {
        Instant due;
        std::optional<IpAddress> last;  // announced
    };
    Instant free_instant(Instant latest) const;

    std::map<InterfaceIndex, Turn> turns_;
};

}  // namespace ipmp
