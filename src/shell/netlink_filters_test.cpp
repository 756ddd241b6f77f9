// Our filters on real links: put there, recognised, moved, taken off, and nobody else's touched.
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "model/config.hpp"
#include "shell/netlink_thread_fixture.hpp"

namespace ipmp {
namespace {

const FilterPlace kPlace{kDefaultFilterPriority, 1};

// A program that lets everything pass, registered for `ipmp_interface`.
void register_program(FilterPrograms& programs, const std::string& ipmp_interface, Filter filter) {
    const bpf_insn instructions[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC},
        {.code = BPF_JMP | BPF_EXIT},
    };
    UniqueFd program(::bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "ipmp_test", "GPL", instructions, 2, nullptr));
    ASSERT_TRUE(program) << std::strerror(errno);
    bpf_prog_info info{};
    std::uint32_t size = sizeof info;
    ASSERT_EQ(::bpf_obj_get_info_by_fd(program.get(), &info, &size), 0);
    programs.set(ipmp_interface, filter, program.get(), info.id);
}

class NetlinkFiltersTest : public NetlinkThreadTest {};

TEST_F(NetlinkFiltersTest, AttachesRecognisesAndDetachesFilters) {
    run("ip link add v0 type veth peer name v1; tc qdisc add dev v1 clsact;"
        "tc filter add dev v1 ingress prio 7 bpf bytecode '1,6 0 0 0,'");
    register_program(programs, "ipmp0", Filter::steer);
    register_program(programs, "ipmp0", Filter::spread);
    start();
    auto v0 = link("v0").index, v1 = link("v1").index;
    std::vector<ManagedLink> managed{{v0, {}}, {v1, {}}};
    for (int time = 0; time < 2; ++time) {
        apply_well({AttachFilter{v0, Filter::steer, "ipmp0", kPlace},
                    AttachFilter{v1, Filter::spread, "ipmp0", kPlace}}, managed);
        EXPECT_EQ(link("v0").filter, Filter::steer);
        EXPECT_EQ(link("v0").filter_group, "ipmp0");
        EXPECT_EQ(link("v1").filter, Filter::spread);
        EXPECT_EQ(link("v0").filter_in_front, 0);
        EXPECT_EQ(link("v1").filter_in_front, 7);
    }
    apply({AttachFilter{v0, Filter::steer, "ipmp9", kPlace}, AttachFilter{{12345}, Filter::steer, "ipmp0", kPlace}},
          managed);
    ASSERT_EQ(failures.size(), 2u);
    EXPECT_EQ(failures[0].error_number, ENOENT) << failures[0].text;
    EXPECT_EQ(failures[1].error_number, ENODEV) << failures[1].text;

    register_program(programs, "ipmp0", Filter::steer);  // as a restarted daemon would
    apply_well({}, managed);
    EXPECT_EQ(link("v0").filter, Filter::outdated);
    EXPECT_EQ(link("v0").filter_group, "");
    apply_well({AttachFilter{v0, Filter::steer, "ipmp0", kPlace}}, managed);
    EXPECT_EQ(link("v0").filter, Filter::steer);

    run("tc qdisc del dev v0 clsact");
    EXPECT_TRUE(await([&](const KernelState& state) { return state.links.at(v0).filter == Filter::none; }));
    for (int time = 0; time < 2; ++time) {
        apply_well({DetachFilter{v0}, DetachFilter{v1}, DetachFilter{{12345}}}, managed);
        EXPECT_EQ(link("v1").filter, Filter::none);
    }
    run("tc filter show dev v1 ingress | grep -q 'pref 7 bpf'");  // somebody else's stays
}

// A filter that moves to another group's handle, or to another priority, is put there before the former one goes.
TEST_F(NetlinkFiltersTest, MovesAFilterToAnotherPlace) {
    run("ip link add v0 type veth peer name v1; tc qdisc add dev v0 clsact;"
        "tc filter add dev v0 ingress prio 7 bpf bytecode '1,6 0 0 4294967295,';"
        "tc filter add dev v0 ingress prio 20000 bpf bytecode '1,6 0 0 4294967295,'");
    register_program(programs, "ipmp0", Filter::steer);
    register_program(programs, "ipmp1", Filter::steer);
    start();
    auto v0 = link("v0").index;
    std::vector<ManagedLink> managed{{v0, {}}};
    const FilterPlace places[] = {kPlace, {kDefaultFilterPriority, 2}, {30000, 2}, {5, 1}};
    for (FilterPlace place : places) {
        std::string group = place.handle == 1 ? "ipmp0" : "ipmp1";
        apply_well({AttachFilter{v0, Filter::steer, group, place}}, managed);
        EXPECT_EQ(link("v0").filter_place, place);
        EXPECT_EQ(link("v0").filter_group, group);
        EXPECT_FALSE(link("v0").filter_surplus);
        EXPECT_EQ(link("v0").filter_in_front, place.priority > 7 ? 7 : 0);
        run("test $(tc filter show dev v0 ingress | grep -c 'ipmp_test') = 1");
    }
    run("test $(tc filter show dev v0 ingress | grep -cE 'pref (7|20000) bpf .*handle') = 2");  // somebody else's stay
    register_program(programs, "ipmp0", Filter::steer);  // as a restarted daemon would
    apply_well({}, managed);
    EXPECT_EQ(link("v0").filter, Filter::outdated);
    EXPECT_EQ(link("v0").filter_place, (FilterPlace{5, 1})) << "tells the group";
}

// What an earlier daemon left is found without being told where to look.
TEST_F(NetlinkFiltersTest, FindsFiltersOfAnEarlierDaemon) {
    run("ip link add v0 type veth peer name v1");
    register_program(programs, "ipmp0", Filter::steer);
    start();
    apply_well({AttachFilter{link("v0").index, Filter::steer, "ipmp0", kPlace}}, {{link("v0").index, {}}});
    thread.reset();
    observed.reset();
    programs.erase("ipmp0");
    start();
    EXPECT_EQ(link("v0").filter, Filter::outdated);
    EXPECT_EQ(link("v1").filter, Filter::none);
    run("tc filter del dev v0 ingress");
    EXPECT_TRUE(await([](const KernelState& state) { return find_link(state, "v0")->filter == Filter::none; }));
}

}  // namespace
}  // namespace ipmp
