// Asks the daemon and the kernel when Prometheus asks us. Each scrape has a connection of its own, so nothing is kept,
// and several may come at once, on any thread.
#pragma once

#include <prometheus/collectable.h>

#include <atomic>

#include "base/result.hpp"
#include "exporter/observation.hpp"
#include "model/paths.hpp"

namespace ipmp {

class Scrape final : public prometheus::Collectable {
  public:
    explicit Scrape(Paths paths) : paths_(std::move(paths)) {}

    std::vector<prometheus::MetricFamily> Collect() const override;

  private:
    // A daemon that goes, or comes back, is told once.
    void note(const Result<Observation::Answers>& answers) const;

    Paths paths_;
    mutable std::atomic<bool> answered_ = true;
};

}  // namespace ipmp
