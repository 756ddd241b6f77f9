// ipmp_sim: many seeded histories of the real engine in a fake world (tests/sim/world.hpp).
//
// Each seed has two phases. With faults: whatever happens, every step must be safe (core/invariants). Then without:
// the links hold still, and in a few minutes everything must be as it should be and stay so (tests/sim/goal.hpp).
// Exit status: 0 all passed, 127 crash, 128 liveness, 129 safety.
#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
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
    bool verbose = false;
    std::string replay;
};

volatile std::uint64_t running_seed;  // for the signal handler
volatile std::uint64_t running_minutes;

extern "C" void crashed(int) {
    std::fprintf(stderr, "seed %llu crashed; replay: ipmp_sim --seed %llu --count 1 --minutes %llu --verbose\n",
                 static_cast<unsigned long long>(running_seed), static_cast<unsigned long long>(running_seed),
                 static_cast<unsigned long long>(running_minutes));
    std::_Exit(kCrash);
}

int fail(std::uint64_t seed, const Options& options, const char* kind, const Violations& violations, int status) {
    fmt::print(stderr, "seed {}: {}; replay: ipmp_sim --seed {} --count 1 --minutes {} --verbose\n", seed, kind, seed,
               options.minutes);
    for (const std::string& text : violations) fmt::print(stderr, "    {}\n", text);
    return status;
}

int run_seed(std::uint64_t seed, const Options& options) {
    running_seed = seed;
    running_minutes = options.minutes;
    Random dice(seed);
    Config config = random_config(dice);
    World world(seed, config, random_faults(dice));
    if (options.verbose)
        world.trace_to([](const std::string& line) {
            fmt::print("{}\n", line);
            std::fflush(stdout);  // the last line is the one that tells, should it crash
        });
    Outsiders outsiders(world);
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

std::vector<std::uint64_t> replayed_seeds(const std::string& path) {
    std::vector<std::uint64_t> seeds;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.empty() && line[0] != '#') seeds.push_back(std::strtoull(line.c_str(), nullptr, 10));
    }
    return seeds;
}

// Every jobs-th seed from `first` on.
int run_some(const std::vector<std::uint64_t>& seeds, std::size_t first, const Options& options) {
    for (std::size_t at = first; at < seeds.size(); at += options.jobs) {
        if (int status = run_seed(seeds[at], options)) return status;
    }
    return kPassed;
}

// The first failure ends the others: its seed is what matters.
int run_in_processes(const std::vector<std::uint64_t>& seeds, const Options& options) {
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
    std::vector<std::uint64_t> seeds = replayed_seeds(options.replay);
    for (std::uint64_t n = 0; n < options.count; ++n) seeds.push_back(options.seed + n);
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
                     "usage: ipmp_sim [--seed N] [--count N] [--minutes M] [--jobs J] [--replay FILE] [--verbose]\n");
        return ipmp::sim::kUsage;
    }
    for (int signal : {SIGABRT, SIGSEGV, SIGFPE}) std::signal(signal, ipmp::sim::crashed);
    return ipmp::sim::run(options);
}
