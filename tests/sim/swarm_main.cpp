// ipmp_sim: many seeded histories of the real engine in a fake world (tests/sim/world.hpp).
//
// Each seed has two phases. With faults: whatever happens, every step must be safe (core/invariants). Then without:
// the links hold still, and in a few minutes everything must be as it should be and stay so (tests/sim/goal.hpp).
// Exit status: 0 all passed, 127 crash, 128 liveness, 129 safety.
#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "sim/goal.hpp"
#include "sim/outsiders.hpp"
#include "sim/world.hpp"

namespace ipmp::sim {

namespace {

enum ExitStatus { kPassed = 0, kUsage = 2, kCrash = 127, kLiveness = 128, kSafety = 129 };

struct Options {
    std::uint64_t seed = 1;
    std::uint64_t count = 1;
    std::uint64_t minutes = 3;
    std::uint64_t jobs = 1;  // processes
    std::uint64_t edition = Outsiders::kEdition;
    bool verbose = false;
    std::string replay;
};

struct Seed {
    std::uint64_t number = 0, edition = 0;
};

char running[160];  // how to repeat it, for the signal handler

extern "C" void crashed(int) {
    std::fprintf(stderr, "crashed; replay: %s\n", running);
    std::_Exit(kCrash);
}

std::string how_to_replay(const Seed& seed, const Options& options) {
    std::string edition = seed.edition == Outsiders::kEdition ? "" : fmt::format(" --edition {}", seed.edition);
    return fmt::format("ipmp_sim --seed {} --count 1 --minutes {}{} --verbose", seed.number, options.minutes, edition);
}

int fail(const Seed& seed, const Options& options, const char* kind, const Violations& violations, int status) {
    fmt::print(stderr, "seed {}: {}; replay: {}\n", seed.number, kind, how_to_replay(seed, options));
    for (const std::string& text : violations) fmt::print(stderr, "    {}\n", text);
    return status;
}

int run_seed(const Seed& seed, const Options& options) {
    std::snprintf(running, sizeof running, "%s", how_to_replay(seed, options).c_str());
    Random dice(seed.number);
    Config config = random_config(dice);
    World world(seed.number, config, random_faults(dice));
    if (options.verbose)
        world.trace_to([](const std::string& line) {
            fmt::print("{}\n", line);
            std::fflush(stdout);  // the last line is the one that tells, should it crash
        });
    Outsiders outsiders(world, seed.number, seed.edition);
    outsiders.set_up();
    outsiders.meddle_until(world.now() + outsiders.time_to_meddle(std::chrono::minutes(options.minutes)));
    outsiders.settle();
    Instant settled = world.now();
    world.run_until(settled + outsiders.time_to_settle());
    if (!world.violations().empty()) return fail(seed, options, "unsafe", world.violations(), kSafety);
    Violations missing = unmet(world, world.kernel());
    if (world.last_change() > settled + outsiders.time_to_settle() * 3 / 4)
        missing.push_back("it does not come to rest");
    if (!missing.empty()) return fail(seed, options, "does not converge", missing, kLiveness);
    return kPassed;
}

// Lines of a seed and its edition.
std::vector<Seed> replayed_seeds(const std::string& path) {
    std::vector<Seed> seeds;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        Seed seed;
        bool is_seed = std::sscanf(line.c_str(), "%" SCNu64 " %" SCNu64, &seed.number, &seed.edition) == 2;
        if (is_seed) seeds.push_back(seed);
    }
    return seeds;
}

// Every jobs-th seed from `first` on.
int run_some(const std::vector<Seed>& seeds, std::size_t first, const Options& options) {
    for (std::size_t at = first; at < seeds.size(); at += options.jobs) {
        if (int status = run_seed(seeds[at], options)) return status;
    }
    return kPassed;
}

// The first failure ends the others: its seed is what matters.
int run_in_processes(const std::vector<Seed>& seeds, const Options& options) {
    std::set<pid_t> children;
    for (std::size_t job = 0; job < options.jobs; ++job) {
        pid_t child = ::fork();
        if (child == 0) std::_Exit(run_some(seeds, job, options));
        if (child > 0) children.insert(child);
        else std::perror("fork");
    }
    int worst = children.size() == options.jobs ? kPassed : kCrash;
    while (!children.empty()) {
        int status = 0;
        children.erase(::wait(&status));
        int result = WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(kCrash);
        if (result == kPassed || worst != kPassed) continue;
        worst = result;
        for (pid_t child : children) ::kill(child, SIGTERM);
    }
    return worst;
}

int run(const Options& options) {
    std::vector<Seed> seeds = replayed_seeds(options.replay);
    for (std::uint64_t n = 0; n < options.count; ++n) seeds.push_back({options.seed + n, options.edition});
    int status = options.jobs > 1 ? run_in_processes(seeds, options) : run_some(seeds, 0, options);
    if (status == kPassed) fmt::print("{} seeds passed\n", seeds.size());
    return status;
}

bool parse(int argc, char** argv, Options& options) {
    for (int at = 1; at < argc; ++at) {
        std::string word = argv[at];
        if (word == "--verbose") {
            options.verbose = true;
            continue;
        }
        if (at + 1 == argc) return false;
        const char* value = argv[++at];
        if (word == "--seed")
            options.seed = std::strtoull(value, nullptr, 10);
        else if (word == "--count")
            options.count = std::strtoull(value, nullptr, 10);
        else if (word == "--minutes")
            options.minutes = std::strtoull(value, nullptr, 10);
        else if (word == "--jobs")
            options.jobs = std::max<std::uint64_t>(1, std::strtoull(value, nullptr, 10));
        else if (word == "--edition")
            options.edition = std::strtoull(value, nullptr, 10);
        else if (word == "--replay")
            options.replay = value;
        else
            return false;
    }
    return true;
}

}  // namespace

}  // namespace ipmp::sim

int main(int argc, char** argv) {
    ipmp::sim::Options options;
    if (!ipmp::sim::parse(argc, argv, options)) {
        std::fprintf(stderr,
                     "usage: ipmp_sim [--seed N] [--count N] [--minutes M] [--jobs J] [--edition E] [--replay FILE] "
                     "[--verbose]\n");
        return ipmp::sim::kUsage;
    }
    for (int signal : {SIGABRT, SIGSEGV, SIGFPE}) std::signal(signal, ipmp::sim::crashed);
    return ipmp::sim::run(options);
}
