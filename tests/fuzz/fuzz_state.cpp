// The state file: what is accepted survives another round unchanged.
#include "base/check.hpp"
#include "wire/state_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto state = ipmp::decode_state(std::string_view(reinterpret_cast<const char*>(data), size));
    if (!state) return 0;
    auto again = ipmp::decode_state(ipmp::encode_state(*state));
    IPMP_CHECK(again && *again == *state);
    return 0;
}
