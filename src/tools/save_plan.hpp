// The present state as hostname files that reproduce it at the next boot (R-DYN-1): what `ipmp save` writes. Pure.
//
// Every file is one of several lines, so that nothing is implied. Numbers of logical interfaces are dealt anew at a
// boot. Not written: addresses that others give (DHCP, router advertisements, the kernel's link-local ones), what
// passes, as OFFLINE and FAILED, and routes, of which a default one without a place in /etc/defaultrouter is warned of.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/status.hpp"

namespace ipmp {

// A default route that an administrator made.
struct DefaultRoute {
    IpAddress gateway;
    std::string link;
};

struct SaveInput {
    Status status;
    std::vector<DefaultRoute> default_routes;
    std::set<std::string> default_routers;  // words of /etc/defaultrouter: addresses or names
    std::set<std::string> links;     // of the kernel
    std::set<std::string> named;     // interfaces to be saved though they are in no group
    std::map<std::string, std::string> present;  // files there are, by name: content
};

struct SavePlan {
    std::map<std::string, std::optional<std::string>> files;  // by name: the new content, or none any more
    std::vector<std::string> warnings;                        // what cannot be saved
};

SavePlan plan_save(const SaveInput& input);

}  // namespace ipmp
