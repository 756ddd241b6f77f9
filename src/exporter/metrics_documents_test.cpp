// What is written about metrics and what there is are the same: the manual page and docs/METRICS.md name each metric,
// and nothing names one that there is not.
#include <gtest/gtest.h>

#include <regex>

#include "exporter/documents_fixture.hpp"

namespace ipmp {
namespace {

Names exported() {
    Names names;
    for (const prometheus::MetricFamily& family : metrics_of(everything_observed())) {
        EXPECT_TRUE(names.insert(family.name).second) << family.name << " is there twice";
        EXPECT_FALSE(family.help.empty());
        bool counts = family.type == prometheus::MetricType::Counter;
        EXPECT_EQ(counts, family.name.ends_with("_total")) << family.name;
    }
    return names;
}

// Names of metrics in a file below the source directory; of histograms, without what Prometheus appends.
Names named_in(const std::string& path) {
    std::string text = text_of(path);
    Names names;
    const std::regex name("\\bipmp_[a-z_]*[a-z]\\b");
    for (std::sregex_iterator found(text.begin(), text.end(), name), end; found != end; ++found) {
        names.insert(std::regex_replace(found->str(), std::regex("_seconds_(bucket|count|sum)$"), "_seconds"));
    }
    return names;
}

TEST(MetricsDocuments, NameEachMetricAndNoOther) {
    EXPECT_EQ(named_in("docs/METRICS.md"), exported());
    EXPECT_EQ(named_in("man/ipmp-exporter.8"), exported());
}

TEST(MetricsDocuments, AlertsAndDashboardUseMetricsThatThereAre) {
    Names all = exported();
    for (const char* path : {"docs/monitoring/ipmp-alerts.yml", "docs/monitoring/ipmp-alerts-test.yml",
                             "docs/monitoring/ipmp-dashboard.json"}) {
        Names used = named_in(path);
        EXPECT_FALSE(used.empty()) << path;
        for (const std::string& name : used) EXPECT_TRUE(all.contains(name)) << name << " in " << path;
    }
}

}  // namespace
}  // namespace ipmp
