// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* How long system calls take: count, average and maximum of those that took most time in all, histograms of those that are made most. */
#include <stp/stp.h>

STP_MAP(began, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 4096, .wrap = true);
STP_MAP(took, STP_KEYS(STP_INT64), STP_STATS, .entries_max = 512, .per_cpu = true, .hist = STP_HIST_LOG);

/* Those that programs make most, by their numbers on x86-64. */
static const char *const names[] = {
	[0] = "read", [1] = "write", [3] = "close", [5] = "fstat", [7] = "poll", [8] = "lseek", [9] = "mmap", [10] = "mprotect",
	[11] = "munmap", [12] = "brk", [13] = "rt_sigaction", [14] = "rt_sigprocmask", [16] = "ioctl", [17] = "pread64",
	[18] = "pwrite64", [19] = "readv", [20] = "writev", [22] = "pipe", [23] = "select", [28] = "madvise", [35] = "nanosleep",
	[39] = "getpid", [42] = "connect", [43] = "accept", [44] = "sendto", [45] = "recvfrom", [46] = "sendmsg", [47] = "recvmsg",
	[56] = "clone", [57] = "fork", [59] = "execve", [61] = "wait4", [62] = "kill", [72] = "fcntl", [74] = "fsync",
	[89] = "readlink", [98] = "getrusage", [110] = "getppid", [121] = "getpgid", [128] = "rt_sigtimedwait", [157] = "prctl",
	[202] = "futex", [203] = "sched_setaffinity", [204] = "sched_getaffinity", [217] = "getdents64", [228] = "clock_gettime",
	[230] = "clock_nanosleep", [232] = "epoll_wait", [257] = "openat", [262] = "newfstatat", [270] = "pselect6", [271] = "ppoll",
	[281] = "epoll_pwait", [293] = "pipe2", [332] = "statx", [435] = "clone3",
};

static const char *name_of(struct stp_ctx *ctx, s64 number)
{
	if (number >= 0 && number < (s64)(sizeof(names) / sizeof(*names)) && names[number])
		return names[number];
	return stp_sprintf(ctx, "syscall %d", number);
}

STP_PROBE(tracepoint, "raw_syscalls:sys_enter")
{
	stp_map_set(&began, STP_KEY(stp_tid(ctx)), stp_now_ns(ctx));
}

STP_PROBE(tracepoint, "raw_syscalls:sys_exit")
{
	s64 since = stp_map_get(&began, STP_KEY(stp_tid(ctx)));

	if (!since)
		return; /* it began before the session */
	stp_map_stat_add(&took, STP_KEY(stp_tracepoint_int(ctx, id)), stp_now_ns(ctx) - since);
	stp_map_del(&began, STP_KEY(stp_tid(ctx)));
}

STP_PROBE(end)
{
	stp_printf(ctx, "%-18s %8s %12s %12s\n", "SYSTEM CALL", "CALLS", "AVG NS", "MAX NS");
	stp_foreach(&took, it, .sort = STP_BY_SUM_DESC, .limit = 20) {
		const struct stp_stats *stats = stp_it_stats(it);

		stp_printf(ctx, "%-18s %8d %12d %12d\n", name_of(ctx, stp_it_key_int64(it, 0)), stats->count, stp_stats_avg(stats),
			   stp_stats_max(stats));
	}
	stp_foreach(&took, it, .sort = STP_BY_COUNT_DESC, .limit = 3) {
		stp_printf(ctx, "\n%s, ns\n", name_of(ctx, stp_it_key_int64(it, 0)));
		stp_print_hist(ctx, &took, STP_KEY(stp_it_key_int64(it, 0)));
	}
}
