// Boot, from the words in files to the state of groups (R-DYN-1 to R-DYN-3, R-DET-14): the run of `ipmp boot` with its
// plans and its ifconfig, on the real engine in the world of the simulator. What the files mean is told once more here,
// in the terms of what an administrator sees afterwards, and compared for every combination:
//
//     NICs     all there, one missing, all missing, missing and then plugged in
//     files    of one line, of several lines
//     family   IPv4, IPv6, both
//     group    with a file of its own, or made because members name it
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "model/interface_flags.hpp"
#include "sim/world_daemon.hpp"
#include "tools/boot_run.hpp"

namespace ipmp::sim {

namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

enum class Nics { all, one_missing, all_missing, plugged_in_later };
enum class Families { ipv4, ipv6, both };

struct Combination {
    Nics nics = Nics::all;
    bool one_line = true;
    Families families = Families::ipv4;
    bool explicit_group = true;

    bool has(Family family) const {
        return families == Families::both || (families == Families::ipv4) == (family == Family::ipv4);
    }
    std::string name() const {
        constexpr const char* kNics[] = {"all there", "one missing", "all missing", "plugged in later"};
        constexpr const char* kFamilies[] = {"IPv4", "IPv6", "both families"};
        const char* lines = one_line ? "one line" : "several lines";
        return fmt::format("{}, {}, {}, {} group", kNics[static_cast<int>(nics)], lines,
                           kFamilies[static_cast<int>(families)], explicit_group ? "explicit" : "implicit");
    }
};

std::vector<Combination> all_combinations() {
    std::vector<Combination> all;
    for (Nics nics : {Nics::all, Nics::one_missing, Nics::all_missing, Nics::plugged_in_later}) {
        for (bool one_line : {true, false}) {
            for (Families families : {Families::ipv4, Families::ipv6, Families::both}) {
                for (bool explicit_group : {true, false}) all.push_back({nics, one_line, families, explicit_group});
            }
        }
    }
    return all;
}

// What is seen of a group and its members.
struct Picture {
    std::string health;
    Names active, unusable;
    std::set<std::string> data_addresses;                        // UP
    std::map<std::string, std::set<std::string>> test_addresses;  // of each member that is there; "link-local"

    bool operator==(const Picture&) const = default;
    friend std::ostream& operator<<(std::ostream& out, const Picture& picture) {
        out << picture.health << fmt::format(" active {} unusable {} data {}", fmt::join(picture.active, ","),
                                             fmt::join(picture.unusable, ","), fmt::join(picture.data_addresses, ","));
        for (const auto& [nic, tests] : picture.test_addresses) {
            out << fmt::format(" {}: {}", nic, fmt::join(tests, ","));
        }
        return out;
    }
};

class Host {
  public:
    explicit Host(const Combination& combination) : world_(1, Config{.link_ups_per_minute = 0}, Faults{}) {
        world_.trace_to([this](const std::string& line) {
            std::size_t at = line.find("-> attach ");
            if (at != std::string::npos) appeared_.push_back(line.substr(at + 10));
        });
        write_files(combination);
    }
    void plug_in(const std::string& nic) {
        world_.kernel().add_nic(nic, MacAddress{{0, 0x16, 0x3e, 0, 0, ++macs_}});
        world_.kernel_changed();
        advance(1s);
    }
    void boot() {
        BootRun run(host());
        run.boot();
        EXPECT_FALSE(run.failed());
        advance(5s);
    }
    // As the daemon has `ipmp attach` run for newcomers.
    void attach_newcomers() {
        for (const std::string& nic : std::exchange(appeared_, {})) {
            BootRun run(host());
            run.attach(nic);
            run.await_addresses();
            EXPECT_FALSE(run.failed());
            attached_.push_back(nic);
        }
        advance(5s);
    }
    Picture picture() const {
        Picture seen;
        Status status = world_.engine().status();
        for (const GroupStatus& group : status.groups) {
            constexpr const char* kHealth[] = {"ok", "degraded", "failed"};
            seen.health += kHealth[static_cast<int>(group.state)] + (" " + group.interface + "=" + group.name);
            seen.active = group.active;
            seen.unusable = group.unusable;
        }
        for (const AddressStatus& address : status.addresses) {
            bool is_kernels_own = address.address.is_link_local();
            if (address.up && !is_kernels_own) seen.data_addresses.insert(to_string(address.address));
        }
        for (const PlumbedInterface& plumbed : status.plumbed) {
            for (Family family : kFamilies) note_test_addresses(plumbed, family, seen);
        }
        return seen;
    }
    // Nothing of this may be changed by a second boot.
    std::pair<Picture, std::vector<PlumbedInterface>> all() const {
        return {picture(), world_.engine().status().plumbed};
    }
    const Violations& violations() const { return world_.violations(); }

    Names attached_, said_, reported_;

  private:
    void advance(Duration time) { world_.run_until(world_.now() + time); }
    void write(Family family, const std::string& interface, const std::string& content) {
        files_.hostname[index_of(family)][interface] = parse_hostname_file(content);
    }
    void write_files(const Combination& combination) {
        std::string end = combination.one_line ? "\n" : "\nup\n";
        if (combination.explicit_group && combination.has(Family::ipv4)) {
            write(Family::ipv4, "ipmp0", "ipmp group ops 192.0.2.1/24 up addif 192.0.2.2/24 up" + end);
        }
        if (combination.explicit_group && combination.has(Family::ipv6)) {
            write(Family::ipv6, "ipmp0", "ipmp group ops addif 2001:db8::1/64 up" + end);
        }
        for (int i : {0, 1}) {
            std::string nic = fmt::format("eth{}", i), up = combination.one_line ? "" : " up", line4, data6;
            if (combination.explicit_group) {
                line4 = fmt::format("group ops -failover 192.0.2.2{}/24{}", i, up);
            } else {  // what is implied by a single line is for its last address
                line4 = fmt::format("group ops 192.0.2.1{}/24 up addif 192.0.2.2{}/24 -failover{}", i, i, up);
                data6 = fmt::format(" addif 2001:db8::1{}/64 up", i);
            }
            if (combination.has(Family::ipv4)) write(Family::ipv4, nic, line4 + end);
            if (combination.has(Family::ipv6)) write(Family::ipv6, nic, "group ops -failover up" + data6 + end);
        }
    }
    BootHost host() {
        auto links = [this] {
            std::set<std::string> names;
            for (const auto& [index, link] : world_.kernel().truth().links) names.insert(link.name);
            return names;
        };
        auto resolve = [](const std::string& text, Family) { return parse_ip(text.substr(0, text.find('/'))); };
        return {daemon_, "/etc", links, [this](const std::string&) { return files_; }, resolve,
                [this](const std::string& line) { said_.push_back(line); },
                [this](const std::string& line) { reported_.push_back(line); }};
    }
    static void note_test_addresses(const PlumbedInterface& plumbed, Family family, Picture& seen) {
        const auto& half = family_of(plumbed, family);
        for (std::size_t i = 0; half && i < half->logicals.size(); ++i) {
            const LogicalStatus& logical = half->logicals[i];
            if (!(logical.flags & flag::kNoFailover)) continue;
            bool own = logical.address.is_link_local() || logical.address.is_zero();  // the kernel makes it later
            seen.test_addresses[plumbed.name].insert(own ? "link-local" : to_string(logical.address));
        }
    }

    World world_;
    WorldDaemon daemon_{world_};
    BootFiles files_;
    Names appeared_;  // newcomers that are to be attached
    std::uint8_t macs_ = 0;
};

// What the files say, for a host with the NICs `there`.
Picture expected(const Combination& combination, const Names& there) {
    Picture wanted;
    wanted.health = (there.size() == 2 ? "ok" : there.size() == 1 ? "degraded" : "failed") + std::string(" ipmp0=ops");
    wanted.active = there;
    for (const char* nic : {"eth0", "eth1"}) {
        bool is_there = std::find(there.begin(), there.end(), nic) != there.end();
        if (!is_there) wanted.unusable.push_back(nic);
        if (is_there && combination.has(Family::ipv4)) {
            wanted.test_addresses[nic].insert(nic == std::string("eth0") ? "192.0.2.20" : "192.0.2.21");
        }
        if (is_there && combination.has(Family::ipv6)) wanted.test_addresses[nic].insert("link-local");
    }
    auto add = [&](Family family, std::set<std::string> addresses) {
        if (combination.has(family)) wanted.data_addresses.merge(addresses);
    };
    if (combination.explicit_group) {
        add(Family::ipv4, {"192.0.2.1", "192.0.2.2"});
        add(Family::ipv6, {"2001:db8::1"});
    } else {
        add(Family::ipv4, {"192.0.2.10", "192.0.2.11"});
        add(Family::ipv6, {"2001:db8::10", "2001:db8::11"});
    }
    return wanted;
}

// The messages about who is missing, as the reference has them (its section 4.3).
Names expected_reports(const Combination& combination, const Names& missing) {
    if (missing.empty()) return {};
    Names plumb, moved;
    for (Family family : kFamilies) {
        if (!combination.has(family)) continue;
        const char* name = family == Family::ipv4 ? "IPv4" : "IPv6";
        plumb.push_back(fmt::format("Failed to plumb {} interface(s): {}", name, fmt::join(missing, " ")));
        moved.push_back(fmt::format("moving addresses from failed {} interfaces: {} (moved to ipmp0)", name,
                                    fmt::join(missing, " (moved to ipmp0) ")));
    }
    plumb.insert(plumb.end(), moved.begin(), moved.end());
    return plumb;
}

TEST(BootMatrix, R_DYN_1_R_DYN_2_R_DYN_3_R_DET_14_EveryCombination) {
    for (const Combination& combination : all_combinations()) {
        SCOPED_TRACE(combination.name());
        Names there{"eth0", "eth1"}, missing;
        if (combination.nics == Nics::one_missing) there = {"eth1"}, missing = {"eth0"};
        if (combination.nics == Nics::all_missing) there = {}, missing = {"eth0", "eth1"};
        if (combination.nics == Nics::plugged_in_later) there = {"eth0"}, missing = {"eth1"};
        Host host(combination);
        for (const std::string& nic : there) host.plug_in(nic);
        host.boot();
        EXPECT_EQ(host.picture(), expected(combination, there));
        EXPECT_EQ(host.reported_, expected_reports(combination, missing));
        EXPECT_TRUE(host.violations().empty()) << fmt::format("{}", fmt::join(host.violations(), "\n"));
        if (combination.nics == Nics::plugged_in_later) {
            host.plug_in("eth1");
            host.attach_newcomers();
            EXPECT_EQ(host.attached_, Names{"eth1"});
            EXPECT_EQ(host.picture(), expected(combination, {"eth0", "eth1"}));
        }
        auto before = host.all();
        host.boot();
        EXPECT_EQ(host.all(), before) << "a second boot changed something";
        EXPECT_TRUE(host.violations().empty());
        host.attach_newcomers();
        if (HasFailure()) return;
    }
}

// Both at once, in a group that was never ok.
TEST(BootMatrix, R_DYN_3_R_DET_14_AllOfAGroupComeLate) {
    Combination combination{Nics::all_missing, false, Families::both, false};
    Host host(combination);
    host.boot();
    EXPECT_EQ(host.picture(), expected(combination, {}));
    for (const char* nic : {"eth1", "eth0"}) host.plug_in(nic);
    host.attach_newcomers();
    EXPECT_EQ(host.attached_, (Names{"eth1", "eth0"}));
    EXPECT_EQ(host.picture(), expected(combination, {"eth0", "eth1"}));
    EXPECT_TRUE(host.violations().empty());
}

}  // namespace

}  // namespace ipmp::sim
