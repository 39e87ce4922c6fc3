// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A probe of every provider, each of which counts under its own name what hits.c does, by process.
 * Siblings: hits.c, which knows what must come out; providers.guest.test.ts
 */
#include <stp/stp.h>

#define GETPPID 110 /* number of the system call on x86-64 */

STP_MAP(hits, STP_KEYS(STP_STR, STP_STR), STP_INT64, .per_cpu = true, .entries_max = 512, .string_size = 48);
STP_MAP(sums, STP_KEYS(STP_STR, STP_STR), STP_INT64, .per_cpu = true, .entries_max = 512, .string_size = 48);
STP_MAP(texts, STP_KEYS(STP_STR, STP_STR), STP_INT64, .entries_max = 512, .string_size = 48);
STP_MAP(answers, STP_KEYS(), STP_INT64);
STP_STAT(ticks);

#define HIT(point) stp_map_add(&hits, STP_KEY(point, stp_execname(ctx)), 1)
#define SUM(point, number) stp_map_add(&sums, STP_KEY(point, stp_execname(ctx)), number)
#define TEXT(point, text) stp_map_add(&texts, STP_KEY(point, text), 1)

STP_PROBE(kprobe, "__x64_sys_getppid")
{
	HIT("kprobe");
	SUM("kprobe-argument", stp_field(ctx, stp_arg(ctx, 0), pt_regs, di));
}

STP_PROBE(kretprobe, "__x64_sys_getppid")
{
	HIT("kretprobe");
	SUM("kretprobe-returned", stp_returned(ctx));
	SUM("kretprobe-argument", stp_field(ctx, stp_arg(ctx, 0), pt_regs, di));
	SUM("kretprobe-untimely", stp_entry_ns(ctx) <= 0 || stp_entry_ns(ctx) > stp_now_ns(ctx));
}

STP_PROBE(tracepoint, "syscalls:sys_enter_getppid")
{
	HIT("syscall-enter");
	SUM("syscall-enter-number", stp_tracepoint_int(ctx, __syscall_nr));
}

STP_PROBE(tracepoint, "syscalls:sys_exit_getppid")
{
	HIT("syscall-exit");
	SUM("syscall-exit-returned", stp_tracepoint_int(ctx, ret));
}

STP_PROBE(tracepoint, "raw_syscalls:sys_enter")
{
	if (stp_tracepoint_int(ctx, id) == GETPPID)
		HIT("raw-syscall");
}

STP_PROBE(tracepoint, "syscalls:sys_enter_openat")
{
	TEXT("openat", stp_user_string(ctx, stp_tracepoint_int(ctx, filename)));
}

STP_PROBE(tracepoint, "sched:sched_process_exec")
{
	TEXT("exec", stp_tracepoint_string(ctx, filename));
}

STP_PROBE(tracepoint, "sched:sched_switch")
{
	TEXT("switch", stp_tracepoint_string(ctx, prev_comm));
	SUM("switch-wrong", stp_tracepoint_int(ctx, prev_pid) != stp_tid(ctx) || stp_tracepoint_int(ctx, common_pid) != stp_tid(ctx));
	SUM("switch-without-stack", !stp_string_length(stp_stack(ctx)));
}

STP_OPTIONAL_PROBE(tracepoint, "rcu:rcu_utilization")
{
	TEXT("rcu", stp_tracepoint_string(ctx, s));
}

STP_PROBE(uprobe, "/hits:hits_call")
{
	HIT("uprobe");
	SUM("uprobe-argument", stp_arg(ctx, 0) * 2 + stp_arg(ctx, 1));
}

STP_PROBE(uprobe, "/hits:OFFSET_OF_HITS_CALL")
{
	HIT("uprobe-at-offset");
}

STP_PROBE(perf, "page-faults")
{
	HIT("page-faults");
}

STP_PROBE(perf, "minor-faults")
{
	HIT("minor-faults");
}

STP_PROBE(perf, "minor-faults:10")
{
	HIT("minor-faults-by-ten");
}

STP_PROBE(perf, "context-switches")
{
	HIT("context-switches");
}

STP_PROBE(perf, "cpu-clock:10000000")
{
	HIT("cpu-clock");
}

STP_PROBE(timer, "10ms")
{
	stp_stat_add(&ticks, stp_now_ns(ctx));
}

STP_PROBE(profile, "97hz")
{
	HIT("profile");
	TEXT("profile", stp_sprintf(ctx, "%d", stp_cpu_id(ctx)));
}

STP_PROBE(control_write, "words")
{
	TEXT("words", stp_hit_text(ctx));
}

STP_PROBE(control_read, "answers")
{
	stp_map_add(&answers, STP_KEY(), 1);
	stp_control_answer(ctx, stp_sprintf(ctx, "answer %d\n", stp_map_get(&answers, STP_KEY())));
}

STP_PROBE(control_write, "both")
{
	TEXT("both", stp_hit_text(ctx));
}

STP_PROBE(control_read, "both")
{
	stp_control_answer(ctx, "both ");
	stp_control_answer(ctx, "ways\n");
}

STP_PROBE(end)
{
	stp_printf(ctx, "ticks: count=%d first_ns=%d last_ns=%d\n", stp_stat_count(&ticks), stp_stat_min(&ticks), stp_stat_max(&ticks));
	stp_foreach(&hits, it)
		stp_printf(ctx, "%s %s %d\n", stp_it_str(it, 0), stp_it_str(it, 1), stp_it_int64(it));
	stp_foreach(&sums, it)
		stp_printf(ctx, "%s %s %d\n", stp_it_str(it, 0), stp_it_str(it, 1), stp_it_int64(it));
	stp_foreach(&texts, it)
		stp_printf(ctx, "%s %s %d\n", stp_it_str(it, 0), stp_it_str(it, 1), stp_it_int64(it));
}
