// Owner of the BPF programs and maps: makes the kernel's maps equal to a DataplaneImage by writing the difference.
//
// Every IPMP interface has an instance of the data path (two programs and their maps) of its own. A new one is
// filled before its programs are registered in FilterPrograms, so a filter never runs on empty maps. The netlink
// thread attaches the programs; an attached filter keeps its programs and maps alive in the kernel without us
// (design D6), so destroying a Dataplane changes nothing for traffic. Layouts: docs/DATAPLANE.md.
//
// apply() is on the failover path: map system calls only, no netlink, no RTNL lock. Deciding thread only.
//
// The other way come events that the programs saw, and the peers they recorded.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/action.hpp"
#include "model/dataplane_image.hpp"
#include "model/event.hpp"
#include "shell/filter_programs.hpp"

namespace ipmp {

class Dataplane {
  public:
    explicit Dataplane(FilterPrograms& programs);
    ~Dataplane();
    Dataplane(const Dataplane&) = delete;
    Dataplane& operator=(const Dataplane&) = delete;

    // Loads what is new, writes what changed, forgets what is no longer wanted. One group's failure does not keep
    // the others from being served; the first failure is returned. What failed is tried again at the next call, and
    // one without news is for that alone.
    Result<void> apply(const PublishImage& news);

    int event_fd() const { return inputs_.get(); }  // readable while events wait
    std::vector<Event> take_events();

    // Queues a PeersFound from the programs' own records, if they know any.
    Result<void> find_peers(const FindPeers& wanted);

    // Packets by reason (the names of ipmp_abi.h), summed over all CPUs; empty for an unknown interface.
    std::map<std::string, std::uint64_t> counters(const std::string& ipmp_interface) const;

  private:
    class Instance;

    Result<void> write(const std::string& ipmp_interface, const GroupImage& image);
    Result<void> add(const std::string& ipmp_interface, const GroupImage& image);

    FilterPrograms& programs_;
    UniqueFd inputs_;          // an epoll of what follows and of the rings of all instances
    UniqueFd found_peers_fd_;  // eventfd: `found_peers_` is not empty
    std::vector<Event> found_peers_;
    std::map<std::string, std::unique_ptr<Instance>> instances_;  // by IPMP interface name
    DataplaneImage unwritten_;                                    // what failed
};

}  // namespace ipmp
