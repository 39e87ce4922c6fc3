/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef STP_HARNESS_TURNS_H
#define STP_HARNESS_TURNS_H

#include <replay/replay.h>

/**
 * struct turns - What came of a batch, beside its results.
 * @run_ns:    From the first operation to the last.
 * @made:      Operations that were made on each CPU; not those that O2 refuses, which belong to none.
 * @misplaced: Operations that were made on another CPU than they name. It must be 0.
 */
struct turns {
	u64 run_ns;
	u32 made[STP_REPLAY_CPUS];
	u32 misplaced;
};

/**
 * turns_run() - Run a batch, each operation on the CPU that it names.
 *
 * Context: Task; sleeps until it is done.
 * Return:  0; -EINVAL if the batch is malformed; -EXDEV if an operation was misplaced; what kthread_create() gave.
 */
int turns_run(const u8 *bytes, u32 size, struct stp_op_result *results, struct turns *turns);

#endif
