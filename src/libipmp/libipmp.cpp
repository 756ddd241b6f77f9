// The C functions of ipmp.h. Each opens a connection of its own to the daemon and closes it, so that a handle outlives
// any number of daemons; only watching keeps one. No exception crosses into C: what they can be for is memory.

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <new>
#include <optional>

#include "libipmp/facts.hpp"
#include "libipmp/results.hpp"
#include "model/paths.hpp"
#include "model/status_news.hpp"
#include "tools/daemon_client.hpp"
#include "tools/kernel_interfaces.hpp"

using namespace ipmp;

struct ipmp_handle {
    Paths paths = Paths::from_environment();
    int awareness = RTAW_DEFAULT;
    std::string unsaved;  // of the last change
    std::optional<DaemonClient> watcher;
    Status status;  // as the watcher has been told
    Facts facts;    // as events have been made of
    std::deque<Difference> events;
};

namespace {

template <class Function>
int guarded(Function function) {
    try {
        return function();
    } catch (const std::bad_alloc&) {
        return IPMP_ENOMEM;
    }
}

int result_of(const Error& error) {
    errno = error.error_number;
    if (errno == EPERM) return IPMP_FAILURE;
    bool absent = errno == ENOENT || errno == ECONNREFUSED || errno == ECONNRESET || errno == EPIPE;
    return absent ? IPMP_ENOMPATHD : IPMP_EPROTO;
}

int result_of(CommandError error) {
    switch (error) {
        case CommandError::none: return IPMP_SUCCESS;
        case CommandError::minimum_redundancy: return IPMP_EMINRED;
        case CommandError::no_such_interface:
        case CommandError::not_in_group: return IPMP_EUNKIF;
        case CommandError::duplicate_hardware_address: return IPMP_EHWADDRDUP;
        default: return IPMP_EINVAL;
    }
}

int command(ipmp_handle_t* handle, const Command& command) {
    handle->unsaved.clear();
    auto client = DaemonClient::connect(handle->paths);
    if (!client) return result_of(client.error());
    client->keep_quiet();
    auto reply = client->call(command);
    if (!reply) return result_of(reply.error());
    handle->unsaved = std::move(reply->unsaved);
    return result_of(reply->error);
}

Result<Status> status_of(const ipmp_handle_t* handle) {
    auto client = DaemonClient::connect(handle->paths);
    return client ? client->status() : Result<Status>(client.error());
}

// As the daemon shows them, or without one the kernel.
Result<std::vector<PlumbedInterface>> interfaces_of(const ipmp_handle_t* handle, unsigned flags) {
    auto status = status_of(handle);
    if (!status && result_of(status.error()) != IPMP_ENOMPATHD) return status.error();
    auto interfaces = status ? Result(std::move(status->plumbed)) : kernel_interfaces();
    if (interfaces && !(flags & LIFC_UNDER_IPMP)) std::erase_if(*interfaces, is_underlying);
    return interfaces;
}

// Takes what the daemon has to tell within `patience` into the queue of events.
int take_news(ipmp_handle_t* handle, std::chrono::milliseconds patience) {
    auto news = handle->watcher->next_status_news(patience);
    if (!news) {
        handle->watcher.reset();
        return result_of(news.error());
    }
    if (!*news) return IPMP_SUCCESS;
    apply(handle->status, **news);
    Facts facts = facts_of(handle->status, handle->awareness);
    for (Difference& difference : differences(handle->facts, facts)) handle->events.push_back(std::move(difference));
    handle->facts = std::move(facts);
    if ((*news)->whole) handle->events.push_back({IPMP_SYNCHRONIZED, {}});
    return IPMP_SUCCESS;
}

}  // namespace

int ipmp_open(ipmp_handle_t** handle) {
    if (!handle) return IPMP_EINVAL;
    *handle = nullptr;
    return guarded([&]() -> int {
        *handle = new ipmp_handle;
        return IPMP_SUCCESS;
    });
}

void ipmp_close(ipmp_handle_t* handle) { delete handle; }

const char* ipmp_errmsg(int result) {
    static const char* const texts[IPMP_NERR] = {"operation succeeded",
                                                 "operation failed",
                                                 "minimum failover redundancy not met",
                                                 "failback disabled",
                                                 "unknown IPMP data address",
                                                 "invalid argument",
                                                 "out of memory",
                                                 "cannot contact in.mpathd",
                                                 "unknown IPMP group",
                                                 "interface is not using IPMP",
                                                 "unable to communicate with in.mpathd",
                                                 "interface has duplicate hardware address"};
    return result >= 0 && result < IPMP_NERR ? texts[result] : "<unknown error>";
}

int ipmp_ping_daemon(ipmp_handle_t* handle) {
    if (!handle) return IPMP_EINVAL;
    return guarded([&]() -> int {
        auto client = DaemonClient::connect(handle->paths);
        if (!client) return result_of(client.error());
        auto answer = client->ping();
        return answer ? IPMP_SUCCESS : result_of(answer.error());
    });
}

int ipmp_get_snapshot(ipmp_handle_t* handle, ipmp_snapshot_t** snapshot) {
    if (!handle || !snapshot) return IPMP_EINVAL;
    *snapshot = nullptr;
    return guarded([&]() -> int {
        auto status = status_of(handle);
        if (!status) return result_of(status.error());
        *snapshot = new SnapshotResult(*status);
        return IPMP_SUCCESS;
    });
}

void ipmp_free_snapshot(ipmp_snapshot_t* snapshot) { delete static_cast<SnapshotResult*>(snapshot); }

int ipmp_if_nameindex(ipmp_handle_t* handle, unsigned flags, struct if_nameindex** list) {
    if (!handle || !list || (flags & ~unsigned{LIFC_UNDER_IPMP})) return IPMP_EINVAL;
    *list = nullptr;
    return guarded([&]() -> int {
        auto interfaces = interfaces_of(handle, flags);
        if (!interfaces) return result_of(interfaces.error());
        auto* result = static_cast<struct if_nameindex*>(std::calloc(interfaces->size() + 1, sizeof **list));
        if (!result) return IPMP_ENOMEM;
        *list = result;
        for (const PlumbedInterface& interface : *interfaces) {
            result->if_index = interface.index;
            result->if_name = strdup(interface.name.c_str());
            if (result->if_name) {
                ++result;
                continue;
            }
            ipmp_if_freenameindex(*list);
            *list = nullptr;
            return IPMP_ENOMEM;
        }
        return IPMP_SUCCESS;
    });
}

void ipmp_if_freenameindex(struct if_nameindex* list) {
    for (struct if_nameindex* each = list; each && each->if_name; ++each) std::free(each->if_name);
    std::free(list);
}

int ipmp_lif_list(ipmp_handle_t* handle, int family, unsigned flags, ipmp_lifs_t** lifs) {
    bool known = family == AF_INET || family == AF_INET6 || family == AF_UNSPEC;
    if (!handle || !lifs || !known || (flags & ~unsigned{LIFC_UNDER_IPMP})) return IPMP_EINVAL;
    *lifs = nullptr;
    return guarded([&]() -> int {
        auto interfaces = interfaces_of(handle, flags);
        if (!interfaces) return result_of(interfaces.error());
        *lifs = new LifsResult(*interfaces, family);
        return IPMP_SUCCESS;
    });
}

void ipmp_free_lif_list(ipmp_lifs_t* lifs) { delete static_cast<LifsResult*>(lifs); }

int ipmp_lif_count(ipmp_handle_t* handle, int family, unsigned flags, size_t* count) {
    if (!count) return IPMP_EINVAL;
    ipmp_lifs_t* lifs = nullptr;
    int result = ipmp_lif_list(handle, family, flags, &lifs);
    *count = lifs ? lifs->count : 0;
    ipmp_free_lif_list(lifs);
    return result;
}

int ipmp_watch(ipmp_handle_t* handle, int awareness) {
    if (!handle || (awareness != RTAW_DEFAULT && awareness != RTAW_UNDER_IPMP)) return IPMP_EINVAL;
    return guarded([&]() -> int {
        auto client = DaemonClient::connect(handle->paths);
        if (!client) return result_of(client.error());
        auto asked = client->watch_status();
        if (!asked) return result_of(asked.error());
        handle->watcher.emplace(std::move(*client));
        handle->awareness = awareness;
        return IPMP_SUCCESS;
    });
}

int ipmp_watch_fd(const ipmp_handle_t* handle) {
    return handle && handle->watcher ? handle->watcher->descriptor() : -1;
}

int ipmp_next_event(ipmp_handle_t* handle, int timeout_ms, ipmp_event_t** event) {
    if (!handle || !event || timeout_ms < 0) return IPMP_EINVAL;
    *event = nullptr;
    return guarded([&]() -> int {
        auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
        while (handle->events.empty()) {
            if (!handle->watcher) return IPMP_ENOMPATHD;
            auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
            int result = take_news(handle, std::max(left, std::chrono::milliseconds(0)));
            if (result != IPMP_SUCCESS) return result;
            if (left.count() <= 0) break;
        }
        if (handle->events.empty()) return IPMP_SUCCESS;
        *event = new EventResult(handle->events.front());
        handle->events.pop_front();
        return IPMP_SUCCESS;
    });
}

void ipmp_free_event(ipmp_event_t* event) { delete static_cast<EventResult*>(event); }

int ipmp_offline(ipmp_handle_t* handle, const char* interface, unsigned minimum_redundancy) {
    if (!handle || !interface) return IPMP_EINVAL;
    return guarded([&]() -> int { return command(handle, SetOffline{interface, minimum_redundancy}); });
}

int ipmp_undo_offline(ipmp_handle_t* handle, const char* interface) {
    if (!handle || !interface) return IPMP_EINVAL;
    return guarded([&]() -> int { return command(handle, UndoOffline{interface}); });
}

const char* ipmp_unsaved(const ipmp_handle_t* handle) { return handle ? handle->unsaved.c_str() : ""; }
