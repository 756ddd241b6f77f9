// Keeps the kernel as wanted, one batch of operations at a time, and answers commands once the kernel agrees.
//
// At most one batch is out at any time: the next plan is made from what the kernel looks like after it. Whoever keeps
// undoing what is done here meets bounded retries (op_limiter.*, design D7).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "core/address_index.hpp"
#include "core/commands.hpp"
#include "core/detach.hpp"
#include "core/op_limiter.hpp"
#include "model/action.hpp"
#include "model/event.hpp"
#include "model/state.hpp"

namespace ipmp {

class Reconciler {
  public:
    OneTimeOrders orders;  // what commands want done once, with the next batch

    // A fresh observation came.
    void observed(const KernelState& kernel);
    // A batch has been carried out; tells what the kernel refused. Returns the NICs whose detachment failed by that.
    DetachingNics applied(const KernelApplied& event, const KernelState& kernel, std::vector<Action>& log);
    // `command` succeeded here; its reply follows when the addresses it set up are known to be nobody else's and the
    // kernel agrees.
    void await_kernel(Reply reply, const Command& command, const State& state);

    // Appends the next batch, if one is due and none is out.
    void reconcile(const State& state, const KernelState& kernel, const AddressIndex& addresses, const Config& config,
                   Instant now, std::vector<Action>& actions);
    // Appends the replies that are due; tells what was answered with success.
    struct Answered {
        bool stop = false;  // a command that ends the daemon
        DetachingNics detached;
    };
    Answered answer(const State& state, const KernelState& kernel, std::vector<Action>& actions);

    bool converged(const KernelState& kernel) const { return !outstanding(kernel) && waiting_.empty(); }
    std::optional<Instant> deadline(const KernelState& kernel) const;

  private:
    struct Waiting {
        Reply reply;
        std::uint64_t since = 0;   // batches up to this one know nothing of it
        std::string kernel_error;  // first failure in those that do
        bool stops = false;
        std::set<IpAddress> awaited;  // tentative when it was given
        DetachingNics detaches;  // only what the kernel refuses of them concerns it
    };

    bool outstanding(const KernelState& kernel) const { return kernel.generation < submitted_; }
    void wait_for_addresses(const State& state, Waiting& command) const;
    void log_held(const KernelState& kernel, std::vector<Action>& actions) const;

    std::uint64_t submitted_ = 0;       // generation of the newest batch
    std::uint64_t doomed_since_ = 0;    // batch that removes orders.doomed
    std::vector<ManagedLink> managed_;  // as submitted last
    bool isolating_ = false;            // likewise
    NamedPlaces named_places_;          // likewise
    OpLimiter limiter_;
    std::set<KernelOp> refused_;        // of the newest batch, by the kernel
    std::vector<Waiting> waiting_;
};

}  // namespace ipmp
