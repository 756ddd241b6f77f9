#include "tools/status_follower.hpp"

#include <utility>

namespace ipmp {

namespace {

constexpr std::chrono::seconds kFirstAnswer{2};  // of a daemon that runs, however busy

}  // namespace

StatusFollower::Happened StatusFollower::lose(Error problem) {
    problem_ = std::move(problem);
    bool had = client_.has_value();
    client_.reset();
    return had ? Happened::lost : Happened::nothing;
}

StatusFollower::Happened StatusFollower::take() {
    if (!client_) {
        auto client = DaemonClient::connect(paths_);
        if (!client) return lose(client.error());
        if (auto asked = client->watch_status(); !asked) return lose(asked.error());
        auto first = client->next_status_news(kFirstAnswer);
        if (!first) return lose(first.error());
        if (!*first) return lose({"in.mpathd does not answer", ETIMEDOUT});
        client_.emplace(std::move(*client));
        apply(status_, **first);
        known_ = true;
        return Happened::connected;
    }
    auto news = client_->next_status_news(std::chrono::milliseconds(0));
    if (!news) return lose(news.error());
    if (!*news) return Happened::nothing;
    apply(status_, **news);
    return Happened::changed;
}

}  // namespace ipmp
