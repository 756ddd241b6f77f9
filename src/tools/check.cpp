#include "tools/check.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tools/check_findings.hpp"
#include "tools/check_gather.hpp"

namespace ipmp {

namespace {

// People who wait longer than that are told what for, on a terminal.
class Progress {
  public:
    void say(const std::string& what) {
        constexpr std::chrono::seconds kSilence{2};
        if (!isatty(STDERR_FILENO) || std::chrono::steady_clock::now() < began_ + kSilence) return;
        std::fprintf(stderr, "\r\033[Kipmp: %s ...", what.c_str());
        said_ = true;
    }
    ~Progress() {
        if (said_) std::fputs("\r\033[K", stderr);
    }

  private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    bool said_ = false;
};

}  // namespace

int check(const std::vector<std::string>& names, bool as_json) {
    constexpr int kNotChecked = 2;
    Progress progress;
    auto facts =
        gather_check_facts(Paths::from_environment(), names, [&](const std::string& what) { progress.say(what); });
    if (!facts) {
        std::fprintf(stderr, "ipmp: %s\n", facts.error().text.c_str());
        return kNotChecked;
    }
    std::vector<Finding> findings = findings_of(*facts);
    std::string text = findings_text(findings);
    if (as_json) {
        text = findings_to_json(findings).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    }
    std::fputs(text.c_str(), stdout);
    if (std::fflush(stdout) != 0) return kNotChecked;
    return all_well(findings) ? 0 : 1;
}

}  // namespace ipmp
