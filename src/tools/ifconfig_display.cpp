#include "tools/ifconfig_display.hpp"

#include <unistd.h>

#include "model/paths.hpp"
#include "tools/daemon_client.hpp"
#include "tools/ifconfig_words.hpp"
#include "tools/kernel_interfaces.hpp"

namespace ipmp {

Result<std::vector<PlumbedInterface>> plumbed_interfaces() {
    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client) return kernel_interfaces();
    auto status = client->status();
    if (!status) return status.error();
    return std::move(status->plumbed);
}

Result<std::string> display(DisplayChoice choice) {
    auto interfaces = plumbed_interfaces();
    if (!interfaces) return interfaces.error();
    choice.with_ether = choice.with_ether && geteuid() == 0;
    std::string text = ifconfig_text(*interfaces, choice);
    if (!text.empty() || choice.interface.empty()) return text;
    std::string name = to_string(LogicalName{choice.interface, choice.number.value_or(0)});
    return Error{"status: SIOCGLIFFLAGS: " + name + ": no such interface"};
}

}  // namespace ipmp
