#include "tools/why.hpp"

#include <cstdio>
#include <ctime>

#include "render/explanation.hpp"
#include "tools/daemon_client.hpp"

namespace ipmp {

int why(const std::string& name) {
    auto fail = [](const std::string& text) {
        std::fprintf(stderr, "ipmp: %s\n", text.c_str());
        return 1;
    };
    auto client = DaemonClient::connect(Paths::from_environment());
    if (!client) return fail("cannot contact in.mpathd -- is IPMP in use?");
    auto status = client->status();
    if (!status) return fail("cannot get the status: " + status.error().text);
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    auto now_ms = static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1000000;
    std::vector<std::string> lines = explain(*status, name, now_ms);
    if (lines.empty()) return fail(name + ": no underlying interface, data address or group of IPMP");
    for (const std::string& line : lines) std::puts(line.c_str());
    return std::fflush(stdout) == 0 ? 0 : fail("cannot write the explanation");
}

}  // namespace ipmp
