// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The cases of an explored C file, as sim/explored.ts asks for them.
 * Never instrumented: it is part of the machine.
 * Sibling: stp_explore.h
 */
#include "stp_explore.h"

extern const struct stp_case *const __start_stp_cases[] __attribute__((weak));
extern const struct stp_case *const __stop_stp_cases[] __attribute__((weak));

struct spec {
	u32 level;
	u32 cpu;
	u32 migrates;
	u32 due_ns;
	stp_context_fn run;
	uintptr_t arg;
};

static struct spec specs[STP_EXPLORE_CONTEXTS_MAX];
static u32 specs_count;
static void (*finally)(void);

static void add(u32 level, u32 cpu, stp_context_fn run, uintptr_t arg)
{
	if (specs_count == STP_EXPLORE_CONTEXTS_MAX)
		__builtin_trap();
	specs[specs_count++] = (struct spec){ .level = level, .cpu = cpu, .run = run, .arg = arg };
}

void stp_task(u32 cpu, stp_context_fn run, uintptr_t arg)
{
	add(STP_SIM_TASK, cpu, run, arg);
}

void stp_softirq(u32 cpu, stp_context_fn run, uintptr_t arg)
{
	add(STP_SIM_SOFTIRQ, cpu, run, arg);
}

void stp_irq(u32 cpu, stp_context_fn run, uintptr_t arg)
{
	add(STP_SIM_IRQ, cpu, run, arg);
}

void stp_nmi(u32 cpu, stp_context_fn run, uintptr_t arg)
{
	add(STP_SIM_NMI, cpu, run, arg);
}

void stp_migrating_task(u32 cpu, stp_context_fn run, uintptr_t arg)
{
	add(STP_SIM_TASK, cpu, run, arg);
	specs[specs_count - 1].migrates = 1;
}

void stp_timer(u32 cpu, u32 due_ns, stp_context_fn run, uintptr_t arg)
{
	add(STP_SIM_IRQ, cpu, run, arg);
	specs[specs_count - 1].due_ns = due_ns;
}

void stp_finally(void (*check)(void))
{
	finally = check;
}

u32 stp_sim_cases(void)
{
	return __stop_stp_cases - __start_stp_cases;
}

const char *stp_sim_case_name(u32 index)
{
	return __start_stp_cases[index]->name;
}

/* Return: how many contexts the case has. */
u32 stp_sim_set_up(u32 index)
{
	__start_stp_cases[index]->set_up();
	return specs_count;
}

/* Return: level, CPU, whether it migrates, when it is due: four words. */
const struct spec *stp_sim_spec(u32 index)
{
	return &specs[index];
}

void stp_sim_enter(u32 index)
{
	specs[index].run(specs[index].arg);
}

void stp_sim_finally(void)
{
	if (finally)
		finally();
}
