#include "shell/netlink_filters.hpp"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <mutex>
#include <optional>
#include <vector>

#include "wire/rtnetlink_encode.hpp"

namespace ipmp {

namespace {

// libbpf prints the kernel's words about errors that are none here ("Exclusivity flag on"). While one of these
// lives, this thread's prints are dropped; all others go where they went before.
class Quiet {
  public:
    Quiet() {
        static std::once_flag once;
        std::call_once(once, [] { previous_ = libbpf_set_print(&Quiet::print); });
        active_ = true;
    }
    ~Quiet() { active_ = false; }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;

  private:
    static int print(libbpf_print_level level, const char* format, va_list arguments) {
        return active_ || !previous_ ? 0 : previous_(level, format, arguments);
    }
    static inline libbpf_print_fn_t previous_ = nullptr;
    static inline thread_local bool active_ = false;
};

bpf_tc_hook ingress_of(InterfaceIndex link) {
    bpf_tc_hook hook{};
    hook.sz = sizeof hook;
    hook.ifindex = static_cast<int>(link.value);
    hook.attach_point = BPF_TC_INGRESS;
    return hook;
}

bpf_tc_opts options_of(const FilterPlace& place) {
    bpf_tc_opts options{};
    options.sz = sizeof options;
    options.handle = place.handle;
    options.priority = place.priority;
    return options;
}

// Takes off all filters of ours but the one at `kept`.
Result<void> detach_others(NetlinkSocket& socket, InterfaceIndex link, const std::optional<FilterPlace>& kept) {
    std::vector<FilterPlace> places;
    auto read = socket.read(encode_dump_filters(link), [&](MessageBytes message) {
        auto filter = decode_filter(message);
        if (filter && is_ipmp_filter(*filter)) places.push_back({filter->priority, filter->handle});
    });
    // EINVAL: there is no qdisc to hold a filter. EINTR: changed meanwhile, which ends in another plan.
    int unread = read ? 0 : read.error().error_number;
    if (!read && unread != ENODEV && unread != EINVAL && unread != EINTR) return read;
    Quiet quiet;
    for (const FilterPlace& place : places) {
        if (place == kept) continue;
        bpf_tc_hook hook = ingress_of(link);
        bpf_tc_opts options = options_of(place);
        int error = -bpf_tc_detach(&hook, &options);
        if (error > 0 && error != ENOENT && error != ENODEV && error != EINVAL)
            return system_error("detaching", error);
    }
    return {};
}

}  // namespace

Result<void> attach_filter(NetlinkSocket& socket, const FilterPrograms& programs, const AttachFilter& op) {
    UniqueFd program = programs.find(op.ipmp_interface, op.filter);
    if (!program) return system_error("program of " + op.ipmp_interface + " is not loaded", ENOENT);
    bpf_tc_hook hook = ingress_of(op.link);
    Quiet quiet;
    if (int error = bpf_tc_hook_create(&hook); error < 0 && error != -EEXIST)
        return system_error("adding the clsact qdisc", -error);
    bpf_tc_opts options = options_of(op.place);
    options.prog_fd = program.get();
    options.flags = BPF_TC_F_REPLACE;
    if (int error = bpf_tc_attach(&hook, &options); error < 0) return system_error("attaching", -error);
    return detach_others(socket, op.link, op.place);
}

Result<void> detach_filter(NetlinkSocket& socket, const DetachFilter& op) { return detach_others(socket, op.link, {}); }

}  // namespace ipmp
