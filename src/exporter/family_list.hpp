// Families of metrics as they are put together: each named and explained once, with a value for each set of labels.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <utility>
#include <vector>

#include "wire/names.hpp"

namespace ipmp {

using Labels = std::vector<prometheus::ClientMetric::Label>;
using Families = std::vector<prometheus::MetricFamily>;

inline Labels with(Labels labels, const std::string& name, const std::string& value) {
    labels.push_back({name, value});
    return labels;
}

inline const char* family_label(Family family) { return family == Family::ipv4 ? "inet" : "inet6"; }

class FamilyBuilder {
  public:
    FamilyBuilder(prometheus::MetricType type, std::string name, std::string help)
        : family_{std::move(name), std::move(help), type, {}} {}

    FamilyBuilder& add(Labels labels, double value) {
        prometheus::ClientMetric& metric = add_metric(std::move(labels));
        if (family_.type == prometheus::MetricType::Counter)
            metric.counter.value = value;
        else
            metric.gauge.value = value;
        return *this;
    }
    FamilyBuilder& add(Labels labels, prometheus::ClientMetric::Histogram histogram) {
        prometheus::ClientMetric& metric = add_metric(std::move(labels));
        metric.histogram = std::move(histogram);
        return *this;
    }
    // One series for each state there is, which is 1 where it is this one: sums and alerts need no numbers for states.
    template <typename State>
    FamilyBuilder& add_states(const Labels& labels, State state) {
        auto names = wire::names_of(state);
        for (std::size_t i = 0; i < names.size(); ++i) {
            add(with(labels, "state", names[i]), i == static_cast<std::size_t>(state));
        }
        return *this;
    }

    // Families without a value are left out.
    void put_into(Families& families) {
        if (!family_.metric.empty()) families.push_back(std::move(family_));
    }

  private:
    prometheus::ClientMetric& add_metric(Labels labels) {
        family_.metric.emplace_back().label = std::move(labels);
        return family_.metric.back();
    }

    prometheus::MetricFamily family_;
};

inline FamilyBuilder gauge(std::string name, std::string help) {
    return {prometheus::MetricType::Gauge, std::move(name), std::move(help)};
}

inline FamilyBuilder counter(std::string name, std::string help) {
    return {prometheus::MetricType::Counter, std::move(name), std::move(help)};
}

}  // namespace ipmp
