// The control protocol, as the daemon reads requests and as tools read replies.
#include "wire/control_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view message(reinterpret_cast<const char*>(data), size);
    (void)ipmp::decode_request(message);
    (void)ipmp::decode_reply(message);
    (void)ipmp::decode_status_reply(message);
    (void)ipmp::decode_counters_reply(message);
    (void)ipmp::decode_probe_reply(message);
    return 0;
}
