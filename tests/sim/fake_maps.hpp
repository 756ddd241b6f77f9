// The maps of all groups, which know of the image no more than they are told.
#pragma once

#include "core/invariants.hpp"
#include "model/action.hpp"

namespace ipmp::sim {

class FakeMaps {
  public:
    // With `news` they must hold `wanted`, the engine's image.
    Violations write(const PublishImage& news, const DataplaneImage& wanted) {
        for (const auto& [name, group] : news.changed) held_.insert_or_assign(name, group);
        for (const std::string& name : news.gone) held_.erase(name);
        if (held_ == wanted) return {};
        return {"the image published is not the engine's"};
    }

  private:
    DataplaneImage held_;
};

}  // namespace ipmp::sim
