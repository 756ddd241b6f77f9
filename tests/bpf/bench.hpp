// The bench the data path is tested on: a network namespace of the test's own with
//
//   ipmp0 === ipmpl0        under0 === wire0        under1 === wire1        (=== veth pair)
//
// and a Dataplane of one group. run() puts one frame through a program by BPF_PROG_TEST_RUN; attach() and the
// packet sockets are for what that cannot show (redirect targets, copies, VLAN tags).
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/unique_fd.hpp"
#include "packets.hpp"
#include "shell/dataplane.hpp"

namespace ipmp {

using packets::Bytes;

inline const MacAddress kUpperMac = packets::mac("02:00:00:00:00:ee");  // ipmp0
inline const MacAddress kMac0 = packets::mac("02:00:00:00:00:10");      // under0
inline const MacAddress kMac1 = packets::mac("02:00:00:00:00:11");      // under1
inline const MacAddress kPeer = packets::mac("02:00:00:00:00:99");      // somebody on the link
inline const MacAddress kBroadcast = packets::mac("ff:ff:ff:ff:ff:ff");
inline const MacAddress kGroup4 = packets::mac("01:00:5e:00:00:01");
inline const MacAddress kGroup6 = packets::mac("33:33:00:00:00:01");
inline const MacAddress kZeroMac{};

enum class Verdict : std::uint32_t { redirect = 7, drop = 2, pass = 0xffffffff };

// What comes along with a frame, outside of it.
struct Context {
    std::uint32_t mark = 0;
    std::uint32_t priority = 0;
    std::uint32_t gso_size = 0;  // payload bytes of a segment; 0: the frame is no bundle of segments
};

class Bench : public ::testing::Test {
  protected:
    void SetUp() override;

    // under0: IPv4 nominee, carries all IPv6 slots; under1: IPv6 nominee, carries all IPv4 slots.
    // 192.0.2.1 -> under1, 192.0.2.2 -> nobody, 2001:db8::1 and fe80::ee (ipmp0's) -> under0;
    // own: 192.0.2.20 and fe80::10 of under0, 192.0.2.21 and fe80::11 of under1.
    GroupImage base_image() const;

    void apply(const GroupImage& image);

    struct Outcome {
        Verdict verdict{};
        Bytes frame;
        Context context;
    };
    Outcome run(Filter filter, const std::string& link, const Bytes& frame, const Context& context = {}) const;

    // A map of the group's, found by way of its programs.
    UniqueFd map(const std::string& name) const;

    // Counters that moved since the last call.
    std::map<std::string, std::uint64_t> counted();

    Nic nic(const std::string& link, const MacAddress& address) const;
    Nic under0() const { return nic("under0", kMac0); }
    Nic under1() const { return nic("under1", kMac1); }

    // Live traffic.
    void attach(const std::string& link, Filter filter) const;
    // Sees frames coming in on `link`: those of all protocols before our program, those of one only if it passes them.
    static UniqueFd open_tap(const std::string& link, std::uint16_t protocol = 3 /* ETH_P_ALL */);
    static void send(const std::string& link, const Bytes& frame);
    // The next frame that arrived at the tap, at once or within `timeout_ms`; empty: none.
    static Bytes receive(const UniqueFd& tap, int timeout_ms);

    FilterPrograms programs_;
    Dataplane dataplane_{programs_};

  private:
    std::map<std::string, std::uint64_t> last_counters_;
};

}  // namespace ipmp
