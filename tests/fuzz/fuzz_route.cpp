// The grammar of route: words as a shell would hand them over, separated by newlines. Nobody is asked for names.
#include <string>
#include <vector>

#include "base/check.hpp"
#include "tools/route_grammar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> words(1);
    for (std::size_t i = 0; i < size; ++i) {
        if (data[i] == '\n') words.emplace_back();
        else words.back() += static_cast<char>(data[i]);
    }
    auto look_up = [](const std::string& host, ipmp::Family family) -> std::optional<ipmp::IpAddress> {
        auto address = ipmp::parse_ip(host);
        return address && address->family == family ? address : std::nullopt;
    };
    auto line = ipmp::parse_route_line(words, look_up);
    if (!line) return 0;
    const ipmp::TableRoute& route = line->route;
    IPMP_CHECK(route.prefix_length <= ipmp::bits_of(line->family));
    IPMP_CHECK(ipmp::network_of(route.destination, route.prefix_length) == route.destination);
    return 0;
}
