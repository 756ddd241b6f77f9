// Subscribers of the control server: who watches probes or the status is told until it hangs up.

#include "shell/control_client.hpp"

namespace ipmp {

// Tells each subscriber of that kind; `tell_one` returns false if the client is gone.
template <class TellOne>
void ControlServer::tell_subscribers(Subscription subscription, TellOne tell_one) {
    std::vector<ClientId> gone;
    for (const auto& [id, client] : clients_) {
        if (client->subscription != subscription) continue;
        if (tell_one(*client)) {
            update_interest(id, *client);
        } else {
            gone.push_back(id);
        }
    }
    for (ClientId id : gone) drop(id);
}

// False: the client is gone. What waits already is written when the client reads on.
bool ControlServer::push(Client& client, const std::string& message) {
    bool waiting = !client.output.empty();
    client.output += message;
    if (waiting) return true;
    client.last_active = ++activity_;
    return write_to(client);
}

void ControlServer::tell(const ProbeReport& report) {
    tell_subscribers(Subscription::probes, [&](Client& client) {
        std::string message = encode_probe_reply(report, client.dropped);
        if (client.output.size() + message.size() > kMaxUnreadBytes) {
            ++client.dropped;
            return true;
        }
        client.dropped = 0;
        return push(client, message);
    });
}

bool ControlServer::wants_status(bool changed) const {
    for (const auto& [id, client] : clients_) {
        if (client->subscription != Subscription::status) continue;
        if (changed || (client->needs_whole && client->output.empty())) return true;
    }
    return false;
}

// A whole one may be longer than kMaxUnreadBytes: it comes when nothing else waits.
void ControlServer::tell(Status status) {
    StatusNews news = news_between(told_, status);
    told_ = std::move(status);
    std::string message = news.empty() ? "" : encode_status_news_reply(news);
    std::string whole;
    tell_subscribers(Subscription::status, [&](Client& client) {
        if (client.output.size() + message.size() > kMaxUnreadBytes) client.needs_whole = true;
        if (!client.needs_whole) return message.empty() || push(client, message);
        if (!client.output.empty()) return true;
        client.needs_whole = false;
        if (whole.empty()) whole = encode_status_news_reply({.whole = true, .present = told_, .gone = {}});
        return push(client, whole);
    });
}

}  // namespace ipmp
