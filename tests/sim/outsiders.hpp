// Everybody but the daemon: cables, drivers, other administrators' hands, and the administrator's own commands.
//
// A seed chooses which kinds of trouble this history has at all (swarm testing: a history with everything in it
// hides what shows only when some things never happen), then how often, then each single act.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sim/world.hpp"

namespace ipmp::sim {

// `probing`: histories with probes are about them; a detection time for each, and no flapping rule in quick ones.
Config random_config(Random& random);
Faults random_faults(Random& random);

class Outsiders {
  public:
    // Histories of a former edition stay what they were: what came later is in newer editions only, and has dice of its
    // own (outsiders_rare.cpp). So a seed that once failed can be replayed as long as its edition is said.
    static constexpr std::uint64_t kEdition = 2;
    explicit Outsiders(World& world, std::uint64_t seed = 0, std::uint64_t edition = 1);

    void set_up();  // NICs, groups and addresses to begin with
    void meddle_until(Instant end);
    void settle();  // faults end, links take their last state
    // How long things are to go on and to come to rest: probes a hundred times as often, a hundredth of the time.
    Duration time_to_meddle(std::chrono::minutes usual) const;
    Duration time_to_settle() const;

  private:
    void meddle();
    void act_on_links();
    void act_on_objects();
    void claim_addresses();
    void act_on_daemon();
    void act_on_network();
    void act_on_machines();
    void forge_answer();
    void set_up_probing();
    void set_routes(FakeKernel& kernel);
    void give_test_address(const std::string& nic);
    void settle_network();
    Duration some_time();  // up to a few failure detection times
    void for_some_time(std::function<void(Network&)> begin, std::function<void(Network&)> end);
    void give_command();
    void choose_rarities();
    void act_rarely();
    void act_on_kernel_rarely();
    void give_rare_command();
    Command rare_command();
    Command rare_link_command();
    Command wrong_command();
    void settle_rarities();
    Command random_command();

    std::string some_nic();
    InterfaceIndex some_link();  // any link, ours included
    InterfaceIndex some_nic_link();
    IpAddress some_address(Family family);
    MacAddress fresh_mac();
    Family some_family();
    void change(std::function<void(FakeKernel&)> act);

    World& world_;
    Random& random_;
    std::vector<std::string> nics_;
    std::vector<std::string> ipmp_interfaces_{"ipmp0", "ipmp1"};
    std::vector<std::string> groups_{"a"};
    std::vector<std::string> applications_{"app", "other"};
    std::uint8_t next_mac_ = 1;
    Duration longest_pause_;
    Instant end_;
    // Which kinds of act this history has.
    bool cuts_, flaps_, admin_, replaces_, renames_, remakes_, addresses_, filters_, settings_, ipmp_links_;
    bool restarts_, reconfigures_, commands_, membership_, both_families_, claims_, isolates_, namespaces_;
    bool probing_;  // test addresses and machines to probe; else no probe is ever sent
    bool quick_ = false;  // with a short detection time, and so in a short history
    bool silences_, losses_, delays_, deaths_, partitions_, routes_, stalls_, forgeries_;
    std::set<std::uint8_t> routers_;  // by number of the machine

    std::uint64_t edition_;
    Random rare_;  // the dice of later editions
    bool rarities_ = false;  // this history has any
    bool entries_ = false, wishes_ = false, leases_ = false, arrivals_ = false, mistakes_ = false, stops_ = false;
    bool twins_ = false, drivers_ = false, outside_filters_ = false;
};

}  // namespace ipmp::sim
