// Requests about filters on the ingress and egress hooks of a link (linux/pkt_cls.h): see wire/rtnetlink_encode.
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "wire/rtnetlink_builder.hpp"

namespace ipmp {

static_assert(kIngressParent == TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS));
static_assert(kEgressParent == TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS));

namespace {

tcmsg& traffic_control(Builder& builder, InterfaceIndex link, std::uint32_t parent) {
    auto& header = builder.family_header<tcmsg>();
    header.tcm_ifindex = static_cast<int>(link.value);
    header.tcm_parent = parent;
    return header;
}

void put_place(Builder& builder, InterfaceIndex link, const FilterPlace& place) {
    auto& header = traffic_control(builder, link, place.egress ? kEgressParent : kIngressParent);
    header.tcm_handle = place.handle;
    header.tcm_info = TC_H_MAKE(std::uint32_t{place.priority} << 16, htons(ETH_P_ALL));
    builder.put(TCA_KIND, std::string("bpf"));
}

}  // namespace

NetlinkRequest encode_add_clsact(InterfaceIndex link) {
    Builder builder(RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    traffic_control(builder, link, TC_H_CLSACT).tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    return builder.put(TCA_KIND, std::string("clsact")).finish();
}

NetlinkRequest encode_put_filter(InterfaceIndex link, const FilterPlace& place, int program_fd,
                                 const std::string& program_name) {
    Builder builder(RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
    put_place(builder, link, place);
    builder.nest(TCA_OPTIONS, [&] {
        builder.put(TCA_BPF_FD, static_cast<std::uint32_t>(program_fd));
        builder.put(TCA_BPF_NAME, program_name);
        builder.put(TCA_BPF_FLAGS, std::uint32_t{TCA_BPF_FLAG_ACT_DIRECT});
    });
    return builder.finish();
}

NetlinkRequest encode_remove_filter(InterfaceIndex link, const FilterPlace& place) {
    Builder builder(RTM_DELTFILTER, NLM_F_ACK);
    put_place(builder, link, place);
    return builder.finish();
}

NetlinkRequest encode_dump_filters(InterfaceIndex link, bool egress) {
    Builder builder(RTM_GETTFILTER, NLM_F_DUMP);
    traffic_control(builder, link, egress ? kEgressParent : kIngressParent);
    return builder.finish();
}

}  // namespace ipmp
