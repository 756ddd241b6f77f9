// What became of a Status since the last time, for those who watch it (WatchStatus): a partial Status of what is new or
// different now, and one of what is gone. Whoever starts from a whole one and applies every news has the Status of the
// daemon but for the order of its lists; that of targets changes with every probe and is nobody's news.
#pragma once

#include "model/status.hpp"

namespace ipmp {

struct StatusNews {
    bool whole = false;  // `present` is all there is, whatever came before
    Status present;      // new, or different from before
    Status gone;         // as it was told last
    bool empty() const { return !whole && present == Status{} && gone == Status{}; }
    bool operator==(const StatusNews&) const = default;
};

StatusNews news_between(const Status& before, const Status& after);

// What is new comes last in its list.
void apply(Status& status, const StatusNews& news);

}  // namespace ipmp
