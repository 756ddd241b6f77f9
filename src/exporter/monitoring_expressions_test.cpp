// Each expression of the dashboard and the alerts asks for labels, and values of labels, that the exporter gives, and
// what is shown beside its result is still in it. docs/METRICS.md lists the same labels. (That names of metrics are
// right is in metrics_documents_test.cpp, that alerts fire in docs/monitoring/ipmp-alerts-test.yml.)
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "exporter/documents_fixture.hpp"

namespace ipmp {
namespace {

using Values = std::map<std::string, Names>;  // by label

const Names kOfTheScrape{"instance", "job"};  // Prometheus adds them to everything

// By metric: its labels, each with the values seen in a group of which as much as possible is not as it should be.
const std::map<std::string, Values>& exported() {
    static const auto all = [] {
        std::map<std::string, Values> result;
        for (const prometheus::MetricFamily& family : metrics_of(everything_observed())) {
            Values& values = result[family.name];
            for (const prometheus::ClientMetric& metric : family.metric) {
                for (const auto& label : metric.label) values[label.name].insert(label.value);
            }
            if (family.type == prometheus::MetricType::Histogram) values["le"];
        }
        return result;
    }();
    return all;
}

struct Match {
    std::size_t position = 0;
    std::vector<std::string> groups;  // of the pattern; the first is all
    const std::string& operator[](std::size_t number) const { return groups[number]; }
};

std::vector<Match> matches(const std::string& text, const std::regex& pattern) {
    std::vector<Match> all;
    for (std::sregex_iterator found(text.begin(), text.end(), pattern), end; found != end; ++found) {
        Match& match = all.emplace_back(Match{static_cast<std::size_t>(found->position()), {}});
        for (const auto& group : *found) match.groups.push_back(group.str());
    }
    return all;
}

Names split(const std::string& list) {
    Names names;
    static const std::regex name("[a-z_]+");
    for (const Match& found : matches(list, name)) names.insert(found[0]);
    return names;
}

struct Expression {
    std::string text;
    Names shown;  // labels that are put beside the result
};

// Without mistakes: empty.
class Judge {
  public:
    explicit Judge(const Expression& expression) : text_(expression.text) {
        static const std::regex selector("\\b(ipmp_[a-z_]*[a-z])(?:\\{([^}]*)\\})?");
        for (const Match& found : matches(text_, selector)) take(found[1], found[2]);
        if (metrics_.empty()) tell("no metric");
        static const std::regex matched_number("\\b[0-9.]+ [-+*/] (on|ignoring) ");
        if (std::regex_search(text_, matched_number)) tell("matches a number, which has no labels");
        static const std::regex modifier("\\b(by|on|without|ignoring) \\(([^)]*)\\)");
        Names left = every_label(), dropped;
        for (const Match& found : matches(text_, modifier)) {
            Names names = split(found[2]);
            for (const std::string& label : names) {
                if (!every_label().contains(label)) tell(found[1] + " " + label + ": not a label of all metrics");
            }
            bool is_filter = text_.substr(0, found.position).ends_with("and ");
            if (!is_filter && (found[1] == "by" || found[1] == "on")) left = names;
            if (found[1] == "without" || found[1] == "ignoring") dropped.merge(names);
        }
        for (const std::string& label : expression.shown) {
            if (!left.contains(label) || dropped.contains(label)) tell(label + " is shown but not in the result");
        }
    }

    const std::string& mistakes() const { return mistakes_; }

  private:
    void tell(const std::string& mistake) { mistakes_ += mistake + "; "; }

    void take(const std::string& name, const std::string& matchers) {
        std::string family = std::regex_replace(name, std::regex("_seconds_(bucket|count|sum)$"), "_seconds");
        auto found = exported().find(family);
        if (found == exported().end()) return tell(name + ": no such metric");
        bool has_buckets = found->second.contains("le");
        if (has_buckets != (family != name)) return tell(name + ": not how a histogram is asked for");
        Names labels = kOfTheScrape;
        for (const auto& [label, values] : found->second) {
            if (label != "le" || name.ends_with("_bucket")) labels.insert(label);
        }
        metrics_.push_back(labels);
        static const std::regex matcher("([a-z_]+)(=~|!~|!=|=)\"([^\"]*)\"");
        for (const Match& match : matches(matchers, matcher)) {
            if (!labels.contains(match[1]))
                tell(name + " has no label " + match[1]);
            else if (!kOfTheScrape.contains(match[1]))
                expect_value(name, found->second.at(match[1]), match[3]);
        }
    }

    void expect_value(const std::string& name, const Names& values, const std::string& wanted) {
        std::istringstream choices(wanted);
        for (std::string choice; std::getline(choices, choice, '|');) {
            if (!values.contains(choice)) tell(name + ": no value " + choice);
        }
    }

    // What all metrics of the expression have.
    Names every_label() const {
        Names common = metrics_.empty() ? Names() : metrics_[0];
        for (const Names& labels : metrics_)
            std::erase_if(common, [&](auto& label) { return !labels.contains(label); });
        return common;
    }

    std::string text_, mistakes_;
    std::vector<Names> metrics_;
};

std::string mistakes_in(const std::string& expression, Names shown = {}) {
    return Judge({expression, std::move(shown)}).mistakes();
}

Names labels_in(const std::string& text, const std::regex& pattern) {
    Names labels;
    for (const Match& found : matches(text, pattern)) labels.insert(found[1]);
    return labels;
}

TEST(MonitoringExpressions, OfTheDashboardAskForWhatThereIs) {
    auto dashboard = nlohmann::json::parse(text_of("docs/monitoring/ipmp-dashboard.json"));
    int count = 0;
    for (const auto& panel : dashboard["panels"]) {
        for (const auto& target : panel["targets"]) {
            std::string expression = target["expr"];
            Names shown = labels_in(target.value("legendFormat", ""), std::regex("\\{\\{([a-z_]+)\\}\\}"));
            EXPECT_EQ(mistakes_in(expression, shown), "") << panel["title"] << ": " << expression;
            EXPECT_NE(expression.find("instance=~\"$instance\""), std::string::npos) << "the chosen hosts only";
            ++count;
        }
    }
    EXPECT_GE(count, 16);
}

TEST(MonitoringExpressions, OfTheAlertsAskForWhatThereIs) {
    std::string text = text_of("docs/monitoring/ipmp-alerts.yml");
    int count = 0;
    for (std::size_t start = text.find("- alert:"); start != std::string::npos; ++count) {
        std::size_t end = text.find("- alert:", start + 1);
        std::string alert = text.substr(start, end - start);
        std::size_t from = alert.find("expr:"),
                    to = std::min(alert.find("\n        for:"), alert.find("\n        labels:"));
        std::string expression = alert.substr(from, to - from);
        Names shown = labels_in(alert, std::regex("\\$labels\\.([a-z_]+)"));
        EXPECT_EQ(mistakes_in(expression, shown), "") << alert;
        start = end;
    }
    EXPECT_GE(count, 13);
}

TEST(MonitoringExpressions, MetricsAreListedWithTheirLabels) {
    std::string text = text_of("docs/METRICS.md");
    std::map<std::string, Names> listed;
    for (const Match& row : matches(text, std::regex("\n\\| (`ipmp_[^|]*) \\|([^|]*)\\|"))) {
        for (const Match& name : matches(row[1], std::regex("ipmp_[a-z_]+"))) {
            listed[name[0]] = split(row[2]);
        }
    }
    std::map<std::string, Names> given;
    for (const auto& [name, values] : exported()) {
        for (const auto& [label, seen] : values) {
            if (label != "le") given[name].insert(label);
        }
        given[name];
    }
    EXPECT_EQ(listed, given);
}

TEST(MonitoringExpressions, MistakesAreFound) {
    EXPECT_EQ(mistakes_in("ipmp_group_state{state=\"failed\"} == 1", {"group", "instance"}), "");
    EXPECT_NE(mistakes_in("1 + 1"), "");
    EXPECT_NE(mistakes_in("ipmp_group_mood == 1"), "");
    EXPECT_NE(mistakes_in("ipmp_group_state{mood=\"failed\"}"), "");
    EXPECT_NE(mistakes_in("ipmp_group_state{state=\"sad\"}"), "");
    EXPECT_NE(mistakes_in("ipmp_group_state{state=~\"ok|sad\"}"), "");
    EXPECT_NE(mistakes_in("ipmp_group_state", {"interface"}), "");
    EXPECT_NE(mistakes_in("sum by (interface) (ipmp_group_state)"), "");
    EXPECT_NE(mistakes_in("sum by (group) (ipmp_group_state)", {"state"}), "");
    EXPECT_NE(mistakes_in("sum without (group) (ipmp_group_state)", {"group"}), "");
    EXPECT_NE(mistakes_in("ipmp_probes_lost_total + on (group) ipmp_group_state"), "");
    EXPECT_EQ(mistakes_in("ipmp_up + on (instance) 2 * ipmp_up", {"instance"}), "");
    EXPECT_NE(mistakes_in("ipmp_up + 2 * on (instance) ipmp_up", {"instance"}), "");
    EXPECT_NE(mistakes_in("rate(ipmp_probe_round_trip_seconds[5m])"), "") << "a histogram has no such series";
    EXPECT_NE(mistakes_in("rate(ipmp_probes_sent_total_bucket[5m])"), "");
    EXPECT_NE(mistakes_in("sum by (le) (rate(ipmp_probe_round_trip_seconds_count[5m]))"), "");
}

}  // namespace
}  // namespace ipmp
