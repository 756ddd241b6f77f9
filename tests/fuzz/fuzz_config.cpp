// /etc/default/mpathd: whatever it holds, the settings stay in their ranges.
#include "base/check.hpp"
#include "wire/config_decode.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto decoded = ipmp::decode_config(std::string_view(reinterpret_cast<const char*>(data), size));
    IPMP_CHECK(decoded.config.failure_detection_time >= std::chrono::milliseconds(100));
    return 0;
}
