// Status and StatusNews <-> JSON, as GetStatus and WatchStatus carry them (org.ipmp.Mpathd.varlink describes the
// fields).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.hpp"
#include "model/status.hpp"
#include "model/status_news.hpp"

namespace ipmp {

nlohmann::json status_to_json(const Status& status);

// Fields this version does not know are skipped, so that tools work with a newer daemon.
Result<Status> status_from_json(const nlohmann::json& json);

nlohmann::json status_news_to_json(const StatusNews& news);
Result<StatusNews> status_news_from_json(const nlohmann::json& json);

}  // namespace ipmp
