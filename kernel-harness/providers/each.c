// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* One probe of each provider: what is loaded and unloaded again and again. Siblings: cycles.c; all.c, which looks at what hits give */
#include <stp/stp.h>

STP_MAP(hits, STP_KEYS(STP_STR), STP_INT64, .per_cpu = true, .entries_max = 64, .string_size = 48);

#define HIT(point) stp_map_add(&hits, STP_KEY(point), 1)

STP_PROBE(kprobe, "__x64_sys_getppid") { HIT("kprobe"); }
STP_PROBE(kretprobe, "__x64_sys_getppid") { HIT("kretprobe"); }
STP_PROBE(tracepoint, "sched:sched_switch") { HIT(stp_tracepoint_string(ctx, prev_comm)); }
STP_PROBE(timer, "5ms") { HIT("timer"); }
STP_PROBE(profile, "97hz") { HIT("profile"); }
STP_PROBE(uprobe, "/hits:hits_call") { HIT("uprobe"); }
STP_PROBE(perf, "page-faults") { HIT("perf"); }
STP_PROBE(control_read, "answers") { stp_control_answer(ctx, "answer\n"); }
STP_PROBE(control_write, "words") { HIT(stp_hit_text(ctx)); }
STP_PROBE(begin) { HIT("begin"); }
STP_PROBE(end) { HIT("end"); }
