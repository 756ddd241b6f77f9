#include "core/name_services.hpp"

namespace ipmp {

namespace {

std::map<std::string, NameService> leased(const State& state) {
    std::map<std::string, NameService> services;
    for (const DhcpClient& client : state.dhcp_clients) {
        bool counts = client.lease && client.group.empty() && client.key.logical.number == 0;
        if (!counts || client.lease->names.empty()) continue;
        const char* kind = client.key.family == Family::ipv4 ? ".dhcp" : ".dhcp6";
        services[client.key.logical.interface + kind] = client.lease->names;
    }
    return services;
}

}  // namespace

void NameServices::resume(const State& restored) {
    for (const auto& [source, names] : leased(restored)) told_[source] = {};
}

void NameServices::update(const State& state, std::vector<Action>& actions) {
    std::map<std::string, NameService> wanted = leased(state);
    for (const auto& [source, names] : told_) {
        if (!wanted.contains(source)) actions.push_back(SetNameService{source, {}});
    }
    for (const auto& [source, names] : wanted) {
        auto told = told_.find(source);
        bool is_news = told == told_.end() || told->second != names;
        if (is_news) actions.push_back(SetNameService{source, names});
    }
    told_ = std::move(wanted);
}

}  // namespace ipmp
