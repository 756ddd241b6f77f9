// Addresses as text, which every file and command line has: what is read is written so that it reads the same again.
// And the search for a NIC's name in what nft, iptables and ss print.
#include "base/check.hpp"
#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "tools/stranded_rules.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ipmp;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto address = parse_ip(text)) IPMP_CHECK(parse_ip(to_string(*address)) == address);
    if (auto mac = parse_mac(text)) IPMP_CHECK(parse_mac(to_string(*mac)) == mac);
    std::string_view name = text.substr(0, text.find_first_of(" \t\n"));
    for (const std::string& line : lines_naming(text, name)) IPMP_CHECK(line.find(name) != std::string::npos);
    lines_naming(text, "eth0");
    return 0;
}
