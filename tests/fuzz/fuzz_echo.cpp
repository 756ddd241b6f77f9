// What a raw socket or its error queue hands over, in both families: no answer, or one that reads back the same.
#include "base/check.hpp"
#include "wire/probe_packet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::span<const std::uint8_t> packet(data, size);
    for (ipmp::Family family : ipmp::kFamilies) {
        auto echo = ipmp::decode_echo_reply(family, packet);
        if (!echo) continue;
        auto nonce = ipmp::nonce_at_end(packet);
        IPMP_CHECK(nonce && *nonce == echo->nonce);
    }
    ipmp::nonce_at_end(packet);
    return 0;
}
