// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Ends of the tables that STP_PROBE(), STP_MAP() and formats fill; see program_first.c. */
#include "module.h"

struct stp_probe *const stp_probes_end[0] STP_SECTION(stp_probes);
struct stp_map *const stp_maps_end[0] STP_SECTION(stp_maps);
const struct stp_format_use *const stp_formats_end[0] STP_SECTION(stp_formats);
struct stp_name *const stp_names_end[0] STP_SECTION(stp_names);
