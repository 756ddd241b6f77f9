// The programs that the daemon has others run: a DHCP client for each key it asks for, with a server behind it that now
// and then says no, says nothing, or grants another address; and `ipmp attach` for NICs that appear.
//
// They end with the daemon. They have dice of their own, so that histories without them do not depend on it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "model/action.hpp"
#include "model/event.hpp"
#include "sim/random.hpp"

namespace ipmp::sim {

class World;

class Attendants {
  public:
    // `later` forgets what it was given when the daemon ends.
    using Later = std::function<void(Duration delay, std::function<void()> act)>;
    using Tell = std::function<void(const Event& event)>;

    Attendants(World& world, std::uint64_t seed, Later later, Tell tell)
        : world_(world), random_(seed ^ 0xa77e), later_(std::move(later)), tell_(std::move(tell)) {}

    void serve(const Action& action);
    void daemon_ended() { running_.clear(); }
    // From now on servers grant whatever is asked for, and for ever.
    void calm();
    // NICs that appear have a file, which puts them into this group.
    void attach_to(const std::string& group) { group_ = group; }

  private:
    void start(const StartDhcpClient& how);
    void signal(const SignalDhcpClient& signal);
    void speak(const DhcpKey& key, std::uint64_t run);
    void end(const DhcpKey& key, bool cannot_run);
    void attach(const std::string& nic);
    ReportDhcp answer_of_server(const StartDhcpClient& how);
    bool is_declined(const DhcpKey& key) const;
    IpAddress address_for(const DhcpKey& key);

    World& world_;
    Random random_;
    Later later_;
    Tell tell_;
    bool is_calm_ = false;
    std::optional<std::string> group_;
    std::map<DhcpKey, StartDhcpClient> running_;
    std::map<DhcpKey, std::uint64_t> last_reports_;  // requests
    std::map<DhcpKey, IpAddress> granted_;
    std::uint8_t next_host_ = 100;
};

}  // namespace ipmp::sim
