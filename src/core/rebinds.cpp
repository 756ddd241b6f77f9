#include "core/rebinds.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/predicates.hpp"

namespace ipmp {

namespace {

std::uint64_t milliseconds_up(Duration duration) {
    return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

// Which of those found may be asked: hosts on the link, and not we ourselves.
class Admission {
  public:
    Admission(const std::string& group, const DataplaneImage& image, const KernelState& kernel) {
        InterfaceIndex upper = image.at(group).upper;
        for (const AddressState& seen : kernel.addresses) {
            own_addresses_.insert(seen.address);
            if (seen.link == upper && seen.address.family == Family::ipv4) prefixes_.push_back(seen);
        }
        for (const auto& [name, other] : image) {
            own_macs_.insert(other.upper_mac);
            for (const auto& [member, mac] : other.members) own_macs_.insert(mac);
            for (const auto& [address, entry] : other.addresses) own_addresses_.insert(address);
        }
    }

    bool admits(const IpAddress& address, const Peer& peer) const {
        bool group_mac = (peer.mac.bytes[0] & 1) != 0;
        if (peer.mac.is_zero() || group_mac || own_macs_.contains(peer.mac)) return false;
        if (peer.address.family != address.family) return false;
        if (peer.address.is_zero() || peer.address.is_multicast()) return false;
        if (own_addresses_.contains(peer.address)) return false;
        return peer.address.family == Family::ipv6 ||
               std::any_of(prefixes_.begin(), prefixes_.end(), [&](const auto& own) { return is_host(own, peer); });
    }

  private:
    // A host address of the network that `own` is in.
    static bool is_host(const AddressState& own, const Peer& peer) {
        IpAddress network = network_of(own.address, own.prefix_length);
        if (network_of(peer.address, own.prefix_length) != network) return false;
        auto broadcast = broadcast_of(own.address, own.prefix_length);
        return !broadcast || (peer.address != *broadcast && peer.address != network);
    }

    std::set<IpAddress> own_addresses_;
    std::set<MacAddress> own_macs_;
    std::vector<AddressState> prefixes_;
};

bool is_data_address(const DataplaneImage& image, const std::pair<std::string, IpAddress>& key) {
    auto group = image.find(key.first);
    if (group == image.end()) return false;
    auto entry = group->second.addresses.find(key.second);
    return entry != group->second.addresses.end() && entry->second.kind == AddressKind::data;
}

}  // namespace

void Rebinds::resume(const State& restored) {
    for (const auto& [name, group] : restored.groups) {
        for (const GroupFamily& family : group.families) {
            for (const Binding& binding : family.bindings) {
                const Interface* member = find_interface(restored, binding.member);
                if (member) addresses_[{name, binding.address}].nic = Nic{member->index, member->mac};
            }
        }
    }
}

void Rebinds::update(const Event& event, const DataplaneImage& image, const KernelState& kernel, Instant now,
                     std::vector<Action>& actions) {
    follow(image, now, actions);
    serve(event, image, kernel, now, actions);
}

void Rebinds::serve(const Event& event, const DataplaneImage& image, const KernelState& kernel, Instant now,
                    std::vector<Action>& actions) {
    if (auto* found = std::get_if<PeersFound>(&event)) take(*found, image, kernel, now);
    if (auto* answered = std::get_if<PeerAnswered>(&event)) take(*answered, image, now);
    ask(now, actions);
    conclude(now, actions);
}

// Compares the bindings with what they were.
void Rebinds::follow(const DataplaneImage& image, Instant now, std::vector<Action>& actions) {
    for (auto one = addresses_.begin(); one != addresses_.end();) {
        if (is_data_address(image, one->first)) {
            ++one;
            continue;
        }
        stop_asking(one->first, one->second);
        one = addresses_.erase(one);
    }
    for (const auto& [name, group] : image) {
        FindPeers moved{.ipmp_interface = name, .upper = group.upper};
        for (const auto& [address, entry] : group.addresses) {
            if (entry.kind != AddressKind::data) continue;
            auto known = addresses_.find({name, address});
            if (known == addresses_.end()) {
                if (entry.nic.index) addresses_[{name, address}].nic = entry.nic;  // the first binding
                continue;
            }
            auto& [key, record] = *known;
            if (record.last && now - record.last->at > kMemory && !record.asking()) record.peers.clear();
            if (record.nic == entry.nic) continue;
            stop_asking(key, record);
            record.nic = entry.nic;
            if (!entry.nic.index) continue;
            restart(key, record, entry.nic, now);
            moved.addresses.push_back(address);
        }
        if (!moved.addresses.empty()) actions.push_back(std::move(moved));
    }
}

void Rebinds::restart(const Key& key, Address& address, const Nic& nic, Instant now) {
    bool fresh = address.last && now - address.last->at <= kMemory;
    std::map<IpAddress, Question> before = std::exchange(address.peers, {});
    address.last = Result{nic.index, now};
    address.in_round = true;
    rounds_[key.first].last_rebind = now;
    if (!fresh) return;
    for (const auto& [peer, question] : before) {
        if (question.answer != Answer::given_up) note_peer(key, address, {peer, question.mac}, now);
    }
}

void Rebinds::take(const PeersFound& event, const DataplaneImage& image, const KernelState& kernel, Instant now) {
    if (!image.contains(event.ipmp_interface)) return;
    Admission admission(event.ipmp_interface, image, kernel);
    for (const PeersFound::Found& found : event.found) {
        auto known = addresses_.find({event.ipmp_interface, found.address});
        if (known == addresses_.end() || !admission.admits(found.address, found.peer)) continue;
        auto& [key, address] = *known;
        bool wanted = address.nic.index && address.last && now - address.last->at <= kMemory;
        if (wanted) note_peer(key, address, found.peer, now);
    }
}

// A peer with another MAC than before may be another host, and is asked as one that is not known.
void Rebinds::note_peer(const Key& key, Address& address, const Peer& peer, Instant now) {
    Round& round = rounds_.try_emplace(key.first, Round{address.last->at}).first->second;
    auto known = address.peers.find(peer.address);
    if (known != address.peers.end()) {
        Question& question = known->second;
        if (question.mac == peer.mac) return;
        if (question.answer == Answer::awaited) due_.erase({question.series.due(), key, peer.address});
        if (question.answer == Answer::come) --address.last->moved;
        if (question.answer == Answer::given_up) --address.last->silent;
    } else if (address.peers.size() >= kMostPeers) {
        ++round.passed_over;
        return;
    } else {
        ++address.last->asked;
    }
    address.in_round = true;
    Question& question = address.peers[peer.address];
    question = {peer.mac, Answer::awaited, Series(kTimes, now, kFirstPause, kLongestPause)};
    due_.insert({question.series.due(), key, peer.address});
}

void Rebinds::take(const PeerAnswered& event, const DataplaneImage& image, Instant now) {
    for (const auto& [group, entry] : image) {
        auto known = addresses_.find({group, event.address});
        if (known == addresses_.end() || !event.link || known->second.nic.index != event.link) continue;
        auto& [key, address] = *known;
        auto peer = address.peers.find(event.peer);
        if (peer == address.peers.end() || peer->second.answer == Answer::come) continue;
        if (peer->second.answer == Answer::awaited) due_.erase({peer->second.series.due(), key, event.peer});
        if (peer->second.answer == Answer::given_up) --address.last->silent;
        peer->second.answer = Answer::come;
        ++address.last->moved;
        address.last->slowest = std::max(address.last->slowest, now - address.last->at);
    }
}

void Rebinds::ask(Instant now, std::vector<Action>& actions) {
    if (now - turn_ >= kTurn) {
        turn_ = now;
        sent_in_turn_ = 0;
    }
    while (!due_.empty() && std::get<Instant>(*due_.begin()) <= now && sent_in_turn_ < kFramesPerTurn) {
        auto [at, key, peer] = *due_.begin();
        due_.erase(due_.begin());
        Address& address = addresses_.at(key);
        Question& question = address.peers.at(peer);
        if (!question.series.take(now)) {  // it has had its last pause
            question.answer = Answer::given_up;
            ++address.last->silent;
            continue;
        }
        due_.insert({question.series.due(), key, peer});
        actions.push_back(AskPeer{key.second, address.nic, {peer, question.mac}});
        ++sent_in_turn_;
    }
}

void Rebinds::stop_asking(const Key& key, Address& address) {
    for (auto& [peer, question] : address.peers) {
        if (question.answer == Answer::awaited) due_.erase({question.series.due(), key, peer});
    }
}

void Rebinds::conclude(Instant now, std::vector<Action>& actions) {
    next_conclusion_.reset();
    std::erase_if(rounds_, [&](const auto& entry) {
        const auto& [group, round] = entry;
        Instant earliest = round.last_rebind + kGathering;
        if (now < earliest) {
            note_earlier(next_conclusion_, earliest);
            return false;
        }
        auto first = addresses_.lower_bound({group, IpAddress{}});
        for (auto one = first; one != addresses_.end() && one->first.first == group; ++one) {
            if (one->second.asking()) return false;  // the last answer, or the end of the last pause, is the deadline
        }
        if (Log line = summary(group, round); !line.text.empty()) actions.push_back(std::move(line));
        return true;
    });
}

// Nothing to say if nobody was asked.
Log Rebinds::summary(const std::string& group, const Round& round) {
    Result all;
    for (auto one = addresses_.lower_bound({group, IpAddress{}}); one != addresses_.end(); ++one) {
        if (one->first.first != group) break;
        if (!std::exchange(one->second.in_round, false)) continue;
        const Result& result = *one->second.last;
        all.asked += result.asked;
        all.moved += result.moved;
        all.silent += result.silent;
        all.slowest = std::max(all.slowest, result.slowest);
    }
    if (all.asked == 0) return {};
    std::string text = fmt::format("{}: {} peers moved in {} ms, {} silent", group, all.moved,
                                   milliseconds_up(all.slowest), all.silent);
    if (round.passed_over > 0) text += fmt::format(", {} not asked: too many", round.passed_over);
    return {Severity::info, std::move(text)};
}

std::optional<Instant> Rebinds::deadline() const {
    if (due_.empty()) return {};
    Instant next = std::get<Instant>(*due_.begin());
    return sent_in_turn_ < kFramesPerTurn ? next : std::max(next, turn_ + kTurn);
}

void Rebinds::describe(const State& state, Status& status) const {
    for (AddressStatus& shown : status.addresses) {
        auto known = addresses_.find({shown.group, shown.address});
        if (known == addresses_.end() || !known->second.last) continue;
        const Result& last = *known->second.last;
        const Interface* nic = find_interface(state, last.nic);
        auto at_ms = std::chrono::floor<std::chrono::milliseconds>(last.at.time_since_epoch()).count();
        shown.rebind = RebindStatus{.interface = nic ? nic->name : "",
                                    .at_ms = static_cast<std::uint64_t>(at_ms),
                                    .peers_asked = last.asked,
                                    .peers_moved = last.moved,
                                    .peers_silent = last.silent,
                                    .slowest_answer_ms = milliseconds_up(last.slowest)};
    }
}

}  // namespace ipmp
