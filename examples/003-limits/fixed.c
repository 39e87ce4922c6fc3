#include <stp/stp.h>

/* 100 tasks, and names of at most 15 + 1 + 5 bytes and a NUL; 4096 bytes are 8 blocks. */
STP_MAP(readers, STP_KEYS(STP_STR), STP_STATS, .entries_max = 128, .string_size = 24);
STP_MAP(blocks, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 8);

STP_PROBE(kprobe, "ksys_read")
{
	const char *reader = stp_sprintf(ctx, "%s/%d", stp_execname(ctx), stp_tid(ctx));
	s64 size = stp_arg(ctx, 2);
	s64 block;

	stp_map_stat_add(&readers, STP_KEY(reader), size);
	for (block = 0; block * 512 < size; block++)
		stp_map_add(&blocks, STP_KEY(block), 1);
}

STP_PROBE(end)
{
	stp_printf(ctx, "%d readers\n", stp_map_size(&readers));
	stp_print_map(ctx, &readers, .sort = STP_BY_SUM_DESC, .limit = 3);
	stp_print_map(ctx, &blocks, .sort = STP_BY_KEY(1));
}
