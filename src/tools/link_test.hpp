// Do NICs share a link? Each sends broadcasts with the EtherType for local experiments, from its own MAC, and all
// listen: only frames that are byte for byte what we sent count, so nothing from the wire is taken apart.
//
// A NIC is added while the process is in its network namespace; its socket stays there afterwards. No promiscuous mode,
// no setting is changed, and frames of this kind mean nothing to anybody else.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/mac_address.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/ids.hpp"
#include "tools/check_facts.hpp"

namespace ipmp {

class LinkTest {
  public:
    static constexpr unsigned kFrames = 3;  // from each NIC

    LinkTest();

    // `sends`: else it only listens.
    Result<void> add(const std::string& name, InterfaceIndex link, const MacAddress& mac, bool sends);

    // Sends, and listens for a second, or until shortly after all senders have heard each other.
    LinkTestFacts run();

  private:
    using Frame = std::array<std::uint8_t, 60>;  // the shortest that Ethernet has, without its check sum

    struct Nic {
        std::string name;
        MacAddress mac;
        bool sends = false;
        UniqueFd socket;
    };

    Frame frame_of(std::size_t sender) const;
    void send_round(LinkTestFacts& facts);
    void receive(const Nic& listener, LinkTestFacts& facts) const;
    bool complete(const LinkTestFacts& facts) const;

    std::vector<Nic> nics_;
    std::array<std::uint8_t, 8> nonce_{};  // of this run: others may be testing, too
};

}  // namespace ipmp
