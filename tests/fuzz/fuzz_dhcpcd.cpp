// What dhcpcd's script finds in its environment, which is what a DHCP server sent, and /etc/default/dhcpclient.
#include "wire/dhcpcd.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)ipmp::client_id_of(text, "eth0", ipmp::Family::ipv4);
    (void)ipmp::client_id_of(text, "eth0", ipmp::Family::ipv6);
    std::map<std::string, std::string> environment;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\0'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        environment[std::string(line.substr(0, equals))] = line.substr(equals + 1);
    }
    (void)ipmp::decode_dhcpcd_report(environment);
    return 0;
}
