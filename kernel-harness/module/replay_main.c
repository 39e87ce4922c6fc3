// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A replay in a real kernel: loading the module runs the batch of its parameter; results, dump and figures are
 * files in debugfs/stp-replay until it is unloaded.
 * Siblings: turns.c; runtime-c/port/wasm32/replay.c; kernel-harness/replay.ts, the other side
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kernel_read_file.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#include <stp/wire.h>

#include "turns.h"

#define BATCH_SIZE_MAX (64u << 20) /* bytes */
#define DUMP_SIZE_MAX (64u << 10) /* bytes */
#define FIGURES_SIZE_MAX 128 /* bytes */

static char *batch;
module_param(batch, charp, 0400);
MODULE_PARM_DESC(batch, "path of the batch to run");

static struct dentry *folder;
static struct debugfs_blob_wrapper results, dump, figures;
static char figures_text[FIGURES_SIZE_MAX];

void stp_port_wake(struct stp_ring *ring)
{
	/* A replay reads its rings itself. */
}

void stp_port_refill(void)
{
	/* No map of a replay has a reserve. */
}

void stp_port_stop(void)
{
	/* A replay goes on to its end. */
}

/* A line for each: how long the operations took, and how many each CPU made. */
static void tell_figures(const struct turns *turns)
{
	u32 cpu;
	int size = scnprintf(figures_text, sizeof(figures_text), "nanoseconds %llu\n", turns->run_ns);

	for (cpu = 0; cpu < STP_REPLAY_CPUS; cpu++)
		size += scnprintf(figures_text + size, sizeof(figures_text) - size, "cpu%u %u\n", cpu, turns->made[cpu]);
	figures.data = figures_text;
	figures.size = size;
}

static int run(const u8 *bytes, u32 size)
{
	struct stp_batch_header header;
	struct turns turns = { 0 };
	int error;

	if (size < sizeof(header))
		return -EINVAL;
	memcpy(&header, bytes, sizeof(header));
	results.size = (size_t)stp_wire32(header.operations) * sizeof(struct stp_op_result);
	if (results.size > size) /* every operation is longer than its result */
		return -EINVAL;
	results.data = vzalloc(results.size + 1);
	dump.data = vzalloc(DUMP_SIZE_MAX);
	if (!results.data || !dump.data || stp_replay_init())
		return -ENOMEM;
	error = turns_run(bytes, size, results.data, &turns);
	if (error == -EXDEV)
		pr_err("stp_replay: %u operations were made on another CPU than they name\n", turns.misplaced);
	if (error)
		return error;
	tell_figures(&turns);
	dump.size = min(stp_replay_dump(dump.data, DUMP_SIZE_MAX), DUMP_SIZE_MAX);
	return 0;
}

static void free_all(void)
{
	stp_replay_fini();
	vfree(results.data);
	vfree(dump.data);
}

static int __init replay_init(void)
{
	void *bytes = NULL;
	ssize_t size;
	int error;

	if (num_online_cpus() < STP_REPLAY_CPUS)
		return -ENODEV;
	size = kernel_read_file_from_path(batch ? batch : "", 0, &bytes, BATCH_SIZE_MAX, NULL, READING_UNKNOWN);
	if (size < 0)
		return size;
	error = run(bytes, size);
	vfree(bytes);
	if (error) {
		free_all();
		return error;
	}
	folder = debugfs_create_dir("stp-replay", NULL);
	debugfs_create_blob("results", 0400, folder, &results);
	debugfs_create_blob("dump", 0400, folder, &dump);
	debugfs_create_blob("figures", 0400, folder, &figures);
	return 0;
}

static void __exit replay_exit(void)
{
	debugfs_remove(folder);
	free_all();
}

module_init(replay_init);
module_exit(replay_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Replays operations on the stp runtime");
