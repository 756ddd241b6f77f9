#include "core/reconciler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "core/isolation.hpp"
#include "core/planner.hpp"
#include "core/predicates.hpp"

namespace ipmp {

namespace {

// Whom somebody keeps from agreeing all the time: the client is answered after that many batches.
constexpr std::uint64_t kMostBatches = 10;

constexpr int kNoSuchDevice = static_cast<int>(std::errc::no_such_device);

// The one link an operation is about, if there is one.
std::optional<InterfaceIndex> link_of(const KernelOp& op) {
    return std::visit(
        [](const auto& kind) -> std::optional<InterfaceIndex> {
            if constexpr (requires { kind.link; }) return kind.link;
            return {};
        },
        op);
}

// The netlink thread looks into namespaces that are of no use: a new daemon's was given more than it needed.
bool looks_elsewhere(const State& state, const KernelState& kernel) {
    return std::any_of(kernel.named_places.begin(), kernel.named_places.end(),
                       [&](const auto& entry) { return !state.named_places.contains(entry.first); });
}

}  // namespace

void Reconciler::observed(const KernelState& kernel) {
    if (kernel.generation >= doomed_since_ && orders.ops.empty()) orders.doomed.clear();
}

DetachingNics Reconciler::applied(const KernelApplied& event, const KernelState& kernel, std::vector<Action>& log) {
    refused_.clear();
    DetachingNics not_detached;
    std::set<InterfaceIndex> gone;  // all that was to be done to such a link fails: that is said once
    for (const KernelApplied::Failure& failure : event.failures) {
        refused_.insert(failure.op);
        std::string text = fmt::format("cannot {}: {}", describe(failure.op, kernel.links), failure.text);
        auto link = link_of(failure.op);
        bool is_told = failure.error_number == kNoSuchDevice && link && !gone.insert(*link).second;
        if (!is_told) log.push_back(Log{Severity::error, text});
        for (Waiting& command : waiting_) {
            bool concerned = command.awaited.empty() && command.since < event.generation;
            if (!concerned || !command.kernel_error.empty()) continue;
            if (command.detaches.empty()) {
                command.kernel_error = text;
                continue;
            }
            for (const auto& [name, index] : command.detaches) {
                if (link != index) continue;
                command.kernel_error = fmt::format("Failed to unplumb the device({}): {}", name, text);
                not_detached.insert(command.detaches.begin(), command.detaches.end());
                break;
            }
        }
    }
    return not_detached;
}

void Reconciler::await_kernel(Reply reply, const Command& command, const State& state) {
    limiter_.forget();
    bool stops = std::holds_alternative<Stop>(command);
    Waiting waiting{std::move(reply), submitted_, "", stops, std::exchange(orders.awaited, {}), {}};
    const auto* detach = std::get_if<Detach>(&command);
    if (detach && !detach->dry_run) {
        for (const std::string& name : detach->interfaces) {
            auto nic = state.interfaces.find(name);
            bool taken = nic != state.interfaces.end() && nic->second.detached;
            if (taken) waiting.detaches[name] = nic->second.index;
        }
    }
    waiting_.push_back(std::move(waiting));
}

void Reconciler::log_held(const KernelState& kernel, std::vector<Action>& actions) const {
    for (const KernelOp& op : limiter_.newly_held()) {
        if (refused_.contains(op)) continue;  // that has been told
        actions.push_back(Log{Severity::error,
                              fmt::format("another program undoes what is done here, trying again less often: {}",
                                          describe(op, kernel.links))});
    }
}

void Reconciler::reconcile(const State& state, const KernelState& kernel, const AddressIndex& addresses,
                           const Config& config, Instant now, std::vector<Action>& actions) {
    if (outstanding(kernel)) return;
    std::vector<KernelOp> ops = std::exchange(orders.ops, {});
    std::vector<KernelOp> planned = limiter_.admit(plan(state, kernel, addresses, config), now);
    log_held(kernel, actions);
    std::move(planned.begin(), planned.end(), std::back_inserter(ops));
    std::vector<ManagedLink> links = managed_links(state, kernel);
    orders.arriving.clear();
    for (const KernelOp& op : ops) {
        const auto* add = std::get_if<AddAddress>(&op);
        if (add) orders.arriving.insert({add->link, add->address, add->prefix_length});
    }
    bool isolating = isolates(state, kernel);
    bool same_places = state.named_places == named_places_ && !looks_elsewhere(state, kernel);
    if (ops.empty() && links == managed_ && isolating == isolating_ && same_places) return;
    managed_ = std::move(links);
    isolating_ = isolating;
    named_places_ = state.named_places;
    ++submitted_;
    if (!orders.doomed.empty()) doomed_since_ = submitted_;
    actions.push_back(ApplyKernel{submitted_, std::move(ops), managed_, isolating_, named_places_});
}

// Those that turned out to be ours go onto the IPMP interface with the batch that is due now.
void Reconciler::wait_for_addresses(const State& state, Waiting& command) const {
    if (command.awaited.empty()) return;
    std::erase_if(command.awaited, [&](const IpAddress& address) {
        for (const auto& [name, group] : state.groups) {
            const auto* logical = find_up(group.families[index_of(address.family)].addresses, address);
            if (!logical) continue;
            if (logical->uniqueness == Uniqueness::tentative) return false;
            if (logical->uniqueness == Uniqueness::duplicate && logical->claimant) {
                std::string text = fmt::format("{} is a duplicate address: {} uses it", to_string(address),
                                               to_string(*logical->claimant));
                command.reply.reply = {CommandError::in_use, text, ""};
            }
        }
        return true;
    });
    if (command.awaited.empty() && submitted_ > command.since) command.since = submitted_ - 1;
}

Reconciler::Answered Reconciler::answer(const State& state, const KernelState& kernel, std::vector<Action>& actions) {
    Answered answered;
    for (Waiting& command : std::exchange(waiting_, {})) {
        wait_for_addresses(state, command);
        if (!command.awaited.empty()) {
            waiting_.push_back(std::move(command));
            continue;
        }
        if (outstanding(kernel) && kernel.generation < command.since + kMostBatches) {
            waiting_.push_back(std::move(command));
            continue;
        }
        if (!command.kernel_error.empty()) {
            command.reply.reply = {CommandError::kernel_refused, command.kernel_error, ""};
        }
        bool done = command.kernel_error.empty();
        answered.stop = answered.stop || (command.stops && done);
        if (done) answered.detached.insert(command.detaches.begin(), command.detaches.end());
        actions.push_back(std::move(command.reply));
    }
    return answered;
}

std::optional<Instant> Reconciler::deadline(const KernelState& kernel) const {
    if (outstanding(kernel)) return {};  // the end of a batch is followed by a new plan anyway
    return limiter_.deadline();
}

}  // namespace ipmp
