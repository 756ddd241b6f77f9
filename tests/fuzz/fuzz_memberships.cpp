// /proc/net/igmp and igmp6, and the reports made of them: whatever these say, frames stay within the NIC's MTU and
// nothing is left that no switch forwards by listeners.
#include "base/check.hpp"
#include "wire/memberships.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace ipmp;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    std::string_view upper = text.substr(0, text.find('\f'));
    std::string_view nic = text.substr(upper.size());
    for (Family family : kFamilies) {
        LeaveMemberships leave{.upper = {5}, .nic = {{2}, {{2, 0, 0, 0, 0, 1}}}, .family = family};
        leave.source.family = family;
        leave.mtu_bytes = 1280;
        std::set<IpAddress> groups = groups_to_leave(leave, upper, nic);
        std::set<IpAddress> joined = joined_groups(family, upper, leave.upper);
        for (const IpAddress& group : groups) IPMP_CHECK(group.is_multicast() && joined.contains(group));
        for (const auto& frame : encode_leave_reports(leave, groups, igmp_version(upper, leave.upper)))
            IPMP_CHECK(frame.size() <= leave.mtu_bytes + 14);
    }
    return 0;
}
