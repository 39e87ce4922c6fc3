// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Beginnings of the tables that STP_PROBE(), STP_MAP() and formats fill. A module has no start and stop symbols of sections:
 * this object is linked first, program_last.c last, and the linker joins equal sections in that order.
 */
#include "module.h"

struct stp_probe *const stp_probes_begin[0] STP_SECTION(stp_probes);
struct stp_map *const stp_maps_begin[0] STP_SECTION(stp_maps);
const struct stp_format_use *const stp_formats_begin[0] STP_SECTION(stp_formats);
struct stp_name *const stp_names_begin[0] STP_SECTION(stp_names);
