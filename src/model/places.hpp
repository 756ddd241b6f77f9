// Between the views of single network namespaces, each of which takes itself for the only one, and the whole. All but a
// few lines below the engine speak of one namespace; where the views meet, indices are given their place, or lose it.
#pragma once

#include "model/kernel_op.hpp"
#include "model/kernel_state.hpp"

namespace ipmp {

// The namespace in which `op` is carried out.
Place place_of(const KernelOp& op);
// `op` as that namespace sees it. What it says of another one (MoveLink::to, CreateIpmpLink::lower_place) stays.
KernelOp seen_from_inside(KernelOp op);

// Adds what `place` shows to `whole`; of an application's namespace only what may be ours.
void add_view(KernelState& whole, KernelState view, Place place);

// Which place is meant by a number that one place has for another (LinkState::peer_namespace).
using NamespaceNumbers = std::map<std::pair<Place, std::uint32_t>, Place>;
// Lets the ends of pairs of ours in two namespaces find each other. In an application's namespace others may have made
// what looks like ours: without an end of ours it is none.
void join_views(KernelState& whole, const NamespaceNumbers& numbers);

}  // namespace ipmp
