// What the BPF maps should hold, computed whole from State and kernel (design D2 habit: desired whole, then diff).
#pragma once

#include "core/address_index.hpp"
#include "core/scope.hpp"
#include "model/action.hpp"
#include "model/dataplane_image.hpp"
#include "model/kernel_state.hpp"
#include "model/state.hpp"

namespace ipmp {

// Groups whose links do not exist yet are left out. Addresses that sit on a member and are not the group's
// are the member's `own`. Holds the groups in `scope` alone.
DataplaneImage image_of(const State& state, const KernelState& kernel, const AddressIndex& seen,
                        const Scope& scope = Scope::everybody());

// Puts `wanted`, made for `scope`, in the place of what `image` held of that. What has changed by it.
PublishImage replace(DataplaneImage& image, DataplaneImage&& wanted, const Scope& scope);

// `image` as others may hear of it: addresses that another host may have (core/duplicates) are bound nowhere. It is
// `image` itself if there are none, else what `changed` is made.
const DataplaneImage& announceable(const State& state, const DataplaneImage& image, DataplaneImage& changed);

}  // namespace ipmp
