// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Which processes read and write which files: bytes and calls, the ten that moved most bytes. */
#include <stp/stp.h>

STP_MAP(io, STP_KEYS(STP_STR, STP_STR, STP_STR), STP_STATS, .entries_max = 2048, .string_size = 64, .per_cpu = true);

/* vfs_read() and vfs_write() get the struct file first and return the bytes that they moved. */
static void count(struct stp_ctx *ctx, const char *what)
{
	s64 bytes = stp_returned(ctx);
	s64 dentry;
	const char *name;

	if (bytes < 0)
		return;
	dentry = stp_field(ctx, stp_arg(ctx, 0), file, f_path.dentry);
	name = stp_kernel_string(ctx, stp_field(ctx, dentry, dentry, d_name.name));
	if (!*name)
		return; /* a pipe or a socket */
	stp_map_stat_add(&io, STP_KEY(stp_execname(ctx), name, what), bytes);
}

STP_PROBE(kretprobe, "vfs_read")
{
	count(ctx, "read");
}

STP_PROBE(kretprobe, "vfs_write")
{
	count(ctx, "write");
}

STP_PROBE(end)
{
	stp_printf(ctx, "%-16s %-5s %8s %12s  %s\n", "PROCESS", "OP", "CALLS", "BYTES", "FILE");
	stp_foreach(&io, it, .sort = STP_BY_SUM_DESC, .limit = 10) {
		const struct stp_stats *stats = stp_it_stats(it);

		stp_printf(ctx, "%-16s %-5s %8d %12d  %s\n", stp_it_str(it, 0), stp_it_str(it, 2), stats->count, stats->sum[0], stp_it_str(it, 1));
	}
}
