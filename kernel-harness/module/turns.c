// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A thread on each CPU, of which one at a time makes operations: those up to the next that names another CPU. Then it is
 * that CPU's turn. Whoever waits looks all the time, and hears of it within a microsecond or two; to migrate one thread
 * took a hundred times as long, and most of a replay.
 * Must never: let two threads go on at once; all of a replay's state is the one's whose turn it is.
 * Sibling: replay_main.c
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/delay.h>

#include "turns.h"

#define OVER STP_REPLAY_CPUS /* nobody's turn */
#define STRETCH_MAX 256 /* operations before a thread lets others onto its CPU */
#define WAIT_SPINS 64 /* looks between two at the clock */
#define WAIT_NS_MAX (300 * NSEC_PER_USEC) /* then it sleeps: a real CPU, below an emulated one, has others to serve */

static struct stp_replay_batch batch;
static struct turns *counts;
static struct task_struct *threads[STP_REPLAY_CPUS];
static u32 turn;
static int failure;
static DECLARE_COMPLETION(over);

/* The portable replay asks for each operation. */
void stp_replay_move(u32 cpu)
{
	u32 here = raw_smp_processor_id();

	if (here == cpu)
		counts->made[cpu]++;
	else
		counts->misplaced++;
}

/* Return: whose turn it is next. */
static u32 make_stretch(u32 cpu)
{
	u32 i, next;

	for (i = 0; i < STRETCH_MAX; i++) {
		if (batch.made == batch.operations)
			return OVER;
		next = stp_replay_cpu(batch.at, batch.end);
		if (next != cpu && next < STP_REPLAY_CPUS)
			return next;
		if (stp_replay_next(&batch)) {
			failure = -EINVAL;
			return OVER;
		}
	}
	return cpu;
}

/* Looks for a while. Return: whose turn it is, if it may go on or it is over; else it must sleep. */
static bool came_soon(u32 cpu, u32 *now)
{
	u64 begun_ns = ktime_get_ns();
	u32 i;

	do {
		for (i = 0; i < WAIT_SPINS; i++) {
			*now = smp_load_acquire(&turn); /* pairs with give_turn() */
			if (*now == cpu || *now == OVER)
				return true;
			cpu_relax();
		}
		cond_resched();
	} while (ktime_get_ns() - begun_ns < WAIT_NS_MAX);
	return false;
}

/* Return: false if it is over. */
static bool await_turn(u32 cpu)
{
	u32 now;

	while (!came_soon(cpu, &now)) {
		set_current_state(TASK_IDLE);
		now = smp_load_acquire(&turn); /* pairs with give_turn(), which wakes after it */
		if (now != cpu && now != OVER)
			schedule();
		__set_current_state(TASK_RUNNING);
	}
	return now == cpu;
}

/* Hands over all that the batch touches. */
static void give_turn(u32 next)
{
	u32 cpu;

	smp_store_release(&turn, next); /* pairs with await_turn() */
	for (cpu = 0; cpu < STP_REPLAY_CPUS; cpu++)
		if (cpu == next || next == OVER)
			wake_up_process(threads[cpu]); /* does nothing if it looks by itself */
}

static int take_turns(void *data)
{
	u32 cpu = (unsigned long)data, next;

	while (await_turn(cpu)) {
		next = make_stretch(cpu);
		if (next == OVER)
			counts->run_ns = ktime_get_ns() - counts->run_ns;
		if (next != cpu)
			give_turn(next);
		if (next == OVER)
			complete(&over);
		cond_resched();
	}
	return 0;
}

static void stop_threads(u32 count)
{
	while (count-- > 0) {
		kthread_stop(threads[count]); /* waits until it has left the module */
		put_task_struct(threads[count]);
	}
}

int turns_run(const u8 *bytes, u32 size, struct stp_op_result *results, struct turns *turns)
{
	u32 cpu;

	if (stp_replay_begin(&batch, bytes, size, results))
		return -EINVAL;
	counts = turns;
	failure = 0;
	turn = stp_replay_cpu(batch.at, batch.end);
	if (turn >= STP_REPLAY_CPUS)
		turn = 0;
	for (cpu = 0; cpu < STP_REPLAY_CPUS; cpu++) {
		threads[cpu] = kthread_create_on_cpu(take_turns, (void *)(unsigned long)cpu, cpu, "stp_replay/%u");
		if (IS_ERR(threads[cpu])) {
			stop_threads(cpu);
			return PTR_ERR(threads[cpu]);
		}
		get_task_struct(threads[cpu]); /* it may end before it is stopped */
	}
	counts->run_ns = ktime_get_ns();
	for (cpu = 0; cpu < STP_REPLAY_CPUS; cpu++)
		wake_up_process(threads[cpu]);
	while (!wait_for_completion_timeout(&over, HZ)) /* a task that waits for minutes at once would be reported as hung */
		;
	stop_threads(STP_REPLAY_CPUS);
	if (turns->misplaced)
		return -EXDEV;
	return failure;
}
