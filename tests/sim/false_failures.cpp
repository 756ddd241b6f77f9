// How often chance alone makes a NIC fail on a link that loses some of everything (docs/DETECTION.md): years of
// probing by the real ProbeInstance, without the rest of the world, which makes a day a matter of milliseconds.
//
//   false_failures --days N --loss PERCENT [--plain]     counts; PERCENT is lost each way; --plain: no suspicion probes
//   false_failures --check [--long]                      what ./check runs; status 1 if a count is not what it should
//   be
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/probing/probe_instance.hpp"
#include "sim/random.hpp"

namespace ipmp::sim {

namespace {

using std::chrono::hours;

constexpr Duration kRoundTrip = std::chrono::microseconds(300);
const ProbeSource kSource{InterfaceIndex{2}, *parse_ip("192.0.2.100")};

struct Count {
    std::uint64_t failures = 0, probes = 0;
};

// One NIC with two routers. A failure is counted and forgotten, with a path that works again.
class Line {
  public:
    Line(double loss_each_way, bool suspicion_probes, std::uint64_t seed) : loss_(loss_each_way), random_(seed) {
        config_.suspicion_probes = suspicion_probes;
        instance_.targets().add_router(*parse_ip("192.0.2.1"));
        instance_.targets().add_router(*parse_ip("192.0.2.2"));
    }

    Count run(Duration time) {
        Count count;
        instance_.start(context());
        Instant end = now_ + time;
        while (now_ < end) {
            now_ = *instance_.due();
            instance_.run(context());
            answer();
            if (!instance_.fails(config_)) continue;
            ++count.failures;
            instance_.stop();
            instance_.start(context());
        }
        count.probes = instance_.statistics().sent;
        return count;
    }

  private:
    ProbeContext context() {
        return {.config = config_,
                .timing = timing_,
                .random = draw_,
                .next_id = next_id_,
                .now = now_,
                .actions = actions_};
    }
    // At once: nothing happens within a round trip.
    void answer() {
        sent_.swap(actions_);
        actions_.clear();
        for (const Action& action : sent_) {
            auto* probe = std::get_if<SendProbe>(&action);
            if (!probe || random_.chance(loss_) || random_.chance(loss_)) continue;
            ProbeAnswered answer{.source = kSource, .from = probe->target, .nonce = probe->nonce, .network_time = {}};
            now_ += kRoundTrip;
            instance_.take(answer, true, context());
            now_ -= kRoundTrip;
        }
        actions_.clear();
    }

    double loss_;
    Random random_;
    RandomSource draw_ = [this] { return random_.below(~0ULL); };
    Config config_;
    DetectionTiming timing_{config_.failure_detection_time, user_interval(config_)};
    std::uint16_t next_id_ = 0;
    std::vector<Action> actions_, sent_;
    Instant now_{hours(1)};
    ProbeInstance instance_{"eth0", "ipmp0", kSource, now_};
};

double lost(double each_way) { return 1 - (1 - each_way) * (1 - each_way); }

// Failures per detection probe, with q the share of round trips that are lost.
//
// Plain: the mean number of probes until five in a row are lost is (1 - q^5) / ((1-q) q^5). But in half of all cases
// the sixth leaves before the fifth is lost, and an answer to it comes first: that is no failure. Nor does it count
// anew.
double saved_by_next(double q) { return (1 - q) / 2; }

double plain_rate(double q) {
    double five = std::pow(q, 5);
    return (1 - saved_by_next(q)) / ((1 - five) / ((1 - q) * five) + 0.5);
}

// With suspicion: two losses in a row come once in (1+q)/q^2 probes and start a burst. Its first answer, the j-th
// with probability q^j (1-q), forgives what was sent before: the third probe as well, if that was under way by then,
// which costs a probe. No answer to fourteen, three more losses, and no answer to the sixth in time: a failure.
double suspicion_rate(double q) {
    double wasted = 0;
    for (int number = 0; number < ProbeInstance::kSuspicionMost; ++number) {
        double after = static_cast<double>(number) / ProbeInstance::kSuspicionPerInterval;  // in intervals
        // The third probe leaves -0.5 to 0.5 intervals after the second is lost, with a triangular density.
        double rest = std::max(0.0, 0.5 - after);
        double third_is_sent = after >= 0.5 ? 1 : 1 - rest * rest * 2;
        wasted += std::pow(q, number) * (1 - q) * third_is_sent;
    }
    double per_burst = std::pow(q, ProbeInstance::kSuspicionMost + 3) * (1 - saved_by_next(q));
    return per_burst / ((1 + q) / (q * q) + wasted);
}

double expected(double each_way, bool suspicion_probes, double probes) {
    double q = lost(each_way);
    return probes * (suspicion_probes ? suspicion_rate(q) : plain_rate(q));
}

Count run(double days, double each_way, bool suspicion_probes) {
    Count count = Line(each_way, suspicion_probes, 1).run(Duration(static_cast<Duration::rep>(days * 86400e9)));
    fmt::print("{:7.1f} days, {:4.1f} % lost each way, {}: {} failures in {} probes, expected {:.3g}\n", days,
               100 * each_way, suspicion_probes ? "suspicion probes" : "plain", count.failures, count.probes,
               expected(each_way, suspicion_probes, static_cast<double>(count.probes)));
    std::fflush(stdout);
    return count;
}

// Within four standard deviations of chance, and `model` of what the formula leaves out.
bool agrees(double days, double each_way, bool suspicion_probes, double model) {
    Count count = run(days, each_way, suspicion_probes);
    double wanted = expected(each_way, suspicion_probes, static_cast<double>(count.probes));
    bool fits = wanted >= 100 &&
                std::abs(static_cast<double>(count.failures) - wanted) <= 4 * std::sqrt(wanted) + model * wanted;
    if (!fits) fmt::print("  which is not as derived\n");
    return fits;
}

bool never_fails(double days, double each_way) {
    bool none = run(days, each_way, true).failures == 0;
    if (!none) fmt::print("  which is too many\n");
    return none;
}

int check(bool thorough) {
    bool fits = agrees(50, 0.2, false, 0.02);  // events are frequent there: the formulas hold,
    fits &= agrees(20, 0.3, false, 0.02);
    fits &= agrees(20, 0.5, true, 0.1);
    fits &= agrees(100, 0.4, true, 0.1);
    fits &= never_fails(20, 0.05);  // so they may be believed where nobody can wait for one
    if (thorough) fits &= never_fails(10000, 0.01);
    return fits ? 0 : 1;
}

}  // namespace

}  // namespace ipmp::sim

int main(int argc, char** argv) {
    double days = 0, percent = 0;
    bool plain = false, checking = false, thorough = false;
    for (int at = 1; at < argc; ++at) {
        std::string word = argv[at];
        if (word == "--plain")
            plain = true;
        else if (word == "--check")
            checking = true;
        else if (word == "--long")
            thorough = true;
        else if (word == "--days" && at + 1 < argc)
            days = std::strtod(argv[++at], nullptr);
        else if (word == "--loss" && at + 1 < argc)
            percent = std::strtod(argv[++at], nullptr);
        else
            return 2;
    }
    if (checking) return ipmp::sim::check(thorough);
    if (days <= 0) return 2;
    ipmp::sim::run(days, percent / 100, !plain);
    return 0;
}
