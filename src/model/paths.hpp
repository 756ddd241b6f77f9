// Where our files are, below IPMP_ROOT (design §2). Sockets are reached through a descriptor of `run`,
// so the root may be of any length.
#pragma once

#include <array>
#include <cstdlib>
#include <string>

#include "base/fnv.hpp"

namespace ipmp {

struct Paths {
    std::string root;  // empty, or without a slash at the end

    std::string run() const { return root + "/run/ipmp"; }
    std::string state_file() const { return run() + "/state.json"; }
    std::string default_file() const { return root + "/etc/default/mpathd"; }
    // Where `ip netns` keeps names, and so not below the root, which it is named for.
    std::string members_namespace() const {
        return "/run/netns/ipmp" + (root.empty() ? "" : "-" + std::to_string(fnv1a_32(root)));
    }
    std::string etc() const { return root + "/etc"; }
    // Those that say how an interface is to be configured.
    std::array<std::string, 3> boot_files(const std::string& interface) const {
        return {etc() + "/hostname." + interface, etc() + "/hostname6." + interface, etc() + "/dhcp." + interface};
    }
    std::string boot_lock() const { return run() + "/boot.lock"; }
    std::string dhcp_default_file() const { return root + "/etc/default/dhcpclient"; }
    std::string resolvconf() const { return root + "/sbin/resolvconf"; }
    std::string leases() const { return root + "/var/lib/ipmp"; }  // and the DUID: outlast a reboot
    static constexpr const char* socket_name = "mpathd.sock";  // inside run()
    static constexpr const char* lock_name = "mpathd.lock";    // inside run()

    static Paths from_environment() {
        const char* root = std::getenv("IPMP_ROOT");
        Paths paths{root ? root : ""};
        while (!paths.root.empty() && paths.root.back() == '/') paths.root.pop_back();
        return paths;
    }
};

}  // namespace ipmp
