// The control protocol, as the daemon reads requests and as tools read replies. A command that is understood is written
// so that it is understood again.
#include "base/check.hpp"
#include "wire/control_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view message(reinterpret_cast<const char*>(data), size);
    auto request = ipmp::decode_request(message);
    if (auto* asked = std::get_if<ipmp::Request>(&request)) {
        std::string written = std::visit([](const auto& what) { return ipmp::encode_request(what); }, asked->what);
        auto again = ipmp::decode_request(std::string_view(written).substr(0, written.size() - 1));
        IPMP_CHECK(std::holds_alternative<ipmp::Request>(again));
        IPMP_CHECK(std::get<ipmp::Request>(again).what.index() == asked->what.index());
    }
    (void)ipmp::decode_ping_reply(message);
    (void)ipmp::decode_status_news_reply(message);
    (void)ipmp::decode_reply(message);
    (void)ipmp::decode_status_reply(message);
    (void)ipmp::decode_counters_reply(message);
    (void)ipmp::decode_probe_reply(message);
    return 0;
}
