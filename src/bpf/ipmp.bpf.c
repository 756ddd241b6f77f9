/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only)
 *
 * The data path of one IPMP group: two traffic-control programs that share one set of maps. The daemon loads this
 * object once per group (shell/dataplane); who attaches what where is in docs/DATAPLANE.md.
 */
#include "spread.h"
#include "steer.h"

char LICENSE[] SEC("license") = "GPL"; /* the kernel knows no name for our dual licence */
