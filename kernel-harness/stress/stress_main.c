// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The stress module: on each of 4 CPUs a task, a softirq, an irq and an nmi make the runtime's calls at once. The nmis are real
 * ones, sent by another CPU (nmi.h). debugfs/stp-stress/report waits for the end and says what was counted, one fact a line:
 * a word, then key=value.
 * Must never: judge. judge.ts does.
 * Siblings: load.c, what they do; reader.c, who reads the rings
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/workqueue.h>

#include <stp/session.h>

#include "../../runtime-c/port/kernel/module.h"
#include "nmi.h"
#include "stress.h"

#define IRQ_GAP_US 300 /* microseconds from the end of an irq's hits to its next timer */
#define TASK_CALLS_MAX 12 /* calls of a hit */
#define NMI_CALLS_MAX 4
#define WATCH_MS 100 /* milliseconds between two looks whether it is enough */
#define PATIENCE 4 /* times the time asked for, until there must be enough nmis */
#define QUIET_MS_MAX 1000 /* milliseconds for the last nmi to arrive */

static unsigned int seconds = 10;
module_param(seconds, uint, 0400);
MODULE_PARM_DESC(seconds, "seconds of load, at least");

static unsigned int nmis = 1000;
module_param(nmis, uint, 0400);
MODULE_PARM_DESC(nmis, "nmis that must land inside a call of the runtime");

/* struct station - One CPU's sources of load, and what its nmis saw. @nmi_due: an nmi is on its way; there is one at a time. */
struct station {
	struct task_struct *task;
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	struct irq_work irq_work;
	atomic_t nmi_due;
	u64 nmis_sent; /* by this CPU */
	u64 nmis, nmis_in_call, nmis_in_module, nmis_irqs_off, nmis_in_ring;
	u64 nmis_by_op[OP_COUNT];
	u64 nmis_by_level[STP_CONTEXTS];
};

struct stress_actor stress_actors[STRESS_CPUS][STP_CONTEXTS];
atomic64_t stress_wrong[WRONG_COUNT];
static struct station stations[STRESS_CPUS];
static void *rings[STRESS_CPUS];
static struct dentry *folder;
static bool stopping, nmi_registered;
static u64 refills;
static struct task_struct *conductor;
static DECLARE_COMPLETION(is_over);

/*
 * What the runtime asks for from any context.
 */

static void wake_reader(struct irq_work *unused)
{
	stress_reader_wake();
}

static void do_refill(struct work_struct *unused)
{
	refills++;
	stp_session_refill();
}

static DEFINE_PER_CPU(struct irq_work, reader_wake);
static DECLARE_WORK(refill_work, do_refill);

static void wake_refill(struct irq_work *unused)
{
	schedule_work(&refill_work);
}

static DEFINE_IRQ_WORK(refill_wake, wake_refill);

void stp_port_wake(struct stp_ring *ring)
{
	irq_work_queue(this_cpu_ptr(&reader_wake));
}

void stp_port_refill(void)
{
	irq_work_queue(&refill_wake);
}

void stp_port_stop(void)
{
	stress_is_wrong(WRONG_stop_asked); /* no limit is set that could be reached */
}

/*
 * The four contexts.
 */

static struct stress_actor *actor_here(u32 level)
{
	return &stress_actors[raw_smp_processor_id()][level];
}

static void send_nmi(struct station *station, u32 from)
{
	/* To another CPU: one that a CPU sends to itself never lands inside what it runs. */
	u32 to = (from + 1 + stress_random(&stress_actors[from][STP_CONTEXT_TASK], STRESS_CPUS - 1)) % STRESS_CPUS;

	if (atomic_xchg(&stations[to].nmi_due, 1))
		return;
	if (stress_nmi_send(to))
		station->nmis_sent++;
	else
		atomic_set(&stations[to].nmi_due, 0);
}

static int run_task(void *data)
{
	u32 cpu = (unsigned long)data;
	struct station *station = &stations[cpu];

	hrtimer_start(&station->timer, ns_to_ktime(IRQ_GAP_US * NSEC_PER_USEC), HRTIMER_MODE_REL_PINNED_HARD);
	while (!kthread_should_stop()) {
		stress_hit(&stress_actors[cpu][STP_CONTEXT_TASK], TASK_CALLS_MAX);
		send_nmi(station, cpu);
		cond_resched();
	}
	return 0;
}

static void on_softirq(struct tasklet_struct *unused)
{
	stress_hit(actor_here(STP_CONTEXT_SOFTIRQ), TASK_CALLS_MAX);
}

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	struct station *station = container_of(timer, struct station, timer);

	if (READ_ONCE(stopping))
		return HRTIMER_NORESTART;
	stress_hit(actor_here(STP_CONTEXT_IRQ), NMI_CALLS_MAX);
	tasklet_schedule(&station->tasklet);
	hrtimer_forward_now(timer, ns_to_ktime(IRQ_GAP_US * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

/* An irq right behind an nmi, wherever that landed. */
static void on_irq_work(struct irq_work *unused)
{
	stress_hit(actor_here(STP_CONTEXT_IRQ), NMI_CALLS_MAX);
}

/* Whether this nmi has interrupted a call of the runtime, and which: that of the highest level. */
static void look_around(struct station *station, u32 cpu, const struct pt_regs *regs)
{
	u32 level, op = 0;

	for (level = STP_CONTEXT_NMI; level-- > 0 && !op;)
		op = READ_ONCE(stress_actors[cpu][level].in_call);
	level++;
	if (!op)
		return;
	station->nmis_in_call++;
	station->nmis_by_op[op]++;
	station->nmis_by_level[level]++;
	station->nmis_in_module += within_module(instruction_pointer((struct pt_regs *)regs), THIS_MODULE);
	station->nmis_irqs_off += stress_nmi_irqs_off(regs);
	station->nmis_in_ring += READ_ONCE(stp_session.cpu[cpu].ring.nest) > 0;
}

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	u32 cpu = raw_smp_processor_id();
	struct station *station = &stations[cpu];
	struct stress_actor *actor = actor_here(STP_CONTEXT_NMI);

	if (cpu >= STRESS_CPUS || !atomic_xchg(&station->nmi_due, 0))
		return NMI_DONE;
	station->nmis++;
	look_around(station, cpu, regs);
	stress_hit(actor, NMI_CALLS_MAX);
	if (!stress_random(actor, 4) && !READ_ONCE(stopping))
		irq_work_queue(&station->irq_work);
	return NMI_HANDLED;
}

/*
 * From begin to end.
 */

static int start_station(u32 cpu)
{
	struct station *station = &stations[cpu];

	station->task = kthread_create(run_task, (void *)(unsigned long)cpu, "stp_stress/%u", cpu);
	if (IS_ERR(station->task))
		return PTR_ERR(station->task);
	kthread_bind(station->task, cpu);
	wake_up_process(station->task);
	return 0;
}

static u64 nmis_in_call(void)
{
	u64 sum = 0;
	u32 cpu;

	for (cpu = 0; cpu < STRESS_CPUS; cpu++)
		sum += READ_ONCE(stations[cpu].nmis_in_call);
	return sum;
}

static bool nmi_is_due(void)
{
	u32 cpu;

	for (cpu = 0; cpu < STRESS_CPUS; cpu++)
		if (atomic_read(&stations[cpu].nmi_due))
			return true;
	return false;
}

/* Sources first, then what they set off. Safe to call again. */
static void stop_all(void)
{
	u32 cpu, ms;

	WRITE_ONCE(stopping, true);
	for (cpu = 0; cpu < STRESS_CPUS; cpu++) {
		if (!IS_ERR_OR_NULL(stations[cpu].task))
			kthread_stop(stations[cpu].task);
		stations[cpu].task = NULL;
		hrtimer_cancel(&stations[cpu].timer);
	}
	for (ms = 0; nmi_is_due() && ms < QUIET_MS_MAX; ms++)
		msleep(1);
	if (nmi_registered)
		stress_nmi_unregister();
	nmi_registered = false;
	for (cpu = 0; cpu < STRESS_CPUS; cpu++) {
		irq_work_sync(&stations[cpu].irq_work);
		tasklet_kill(&stations[cpu].tasklet);
		irq_work_sync(per_cpu_ptr(&reader_wake, cpu));
	}
	irq_work_sync(&refill_wake);
	cancel_work_sync(&refill_work);
	stress_reader_fini();
}

/* Lasts as long as it was asked to, and until there were enough nmis inside calls. */
static int conduct(void *unused)
{
	unsigned long long ms;

	for (ms = 0; !kthread_should_stop(); ms += WATCH_MS) {
		if (ms >= seconds * 1000ull && (nmis_in_call() >= nmis || ms >= seconds * 1000ull * PATIENCE))
			break;
		msleep(WATCH_MS);
	}
	stop_all();
	complete_all(&is_over);
	while (!kthread_should_stop())
		msleep(WATCH_MS);
	return 0;
}

/*
 * The report.
 */

static void add(struct stress_counted *to, const struct stress_counted *from)
{
	u32 cause;

	to->attempted += from->attempted;
	to->delivered += from->delivered;
	for (cause = 0; cause < STP_LOSS_CAUSES; cause++)
		to->lost[cause] += from->lost[cause];
}

static const char *const kind_names[] = STP_LOSS_KIND_NAMES;
static const char *const loss_names[] = STP_LOSS_NAMES;
static const char *const level_names[] = STP_CONTEXT_NAMES;

static void show_counted(struct seq_file *seq, const char *who, u32 cpu, u32 probe, u32 kind, const struct stress_counted *counted)
{
	u32 cause;

	seq_printf(seq, "%s cpu=%u probe=%u kind=%s attempted=%llu delivered=%llu", who, cpu, probe, kind_names[kind], counted->attempted, counted->delivered);
	for (cause = 0; cause < STP_LOSS_CAUSES; cause++)
		seq_printf(seq, " %s=%llu", loss_names[cause], counted->lost[cause]);
	seq_putc(seq, '\n');
}

static void show_ledger(struct seq_file *seq, u32 cpu, u32 probe)
{
	const struct stp_ledger *row = &stp_session.cpu[cpu].rows[probe];
	struct stress_counted counted;
	u32 kind, cause;

	for (kind = 0; kind < STP_LOSS_KINDS; kind++) {
		counted.attempted = row->kind[kind].attempted;
		counted.delivered = row->kind[kind].delivered;
		for (cause = 0; cause < STP_LOSS_CAUSES; cause++)
			counted.lost[cause] = row->kind[kind].lost[cause];
		show_counted(seq, "ledger", cpu, probe, kind, &counted);
	}
	seq_printf(seq, "ledger_more cpu=%u probe=%u cut=%llu evicted=%llu\n", cpu, probe, row->cut, row->evicted);
}

static void show_own(struct seq_file *seq, u32 cpu, u32 probe)
{
	struct stress_tally sum = { 0 };
	u32 level, kind;

	for (level = 0; level < STP_CONTEXTS; level++) {
		const struct stress_tally *tally = &stress_actors[cpu][level].tally[probe];

		for (kind = 0; kind < STP_LOSS_KINDS; kind++)
			add(&sum.kind[kind], &tally->kind[kind]);
		sum.hidden += tally->hidden;
		sum.walks += tally->walks;
		sum.cut += tally->cut;
		sum.cut_more += tally->cut_more;
	}
	for (kind = 0; kind < STP_LOSS_KINDS; kind++)
		show_counted(seq, "own", cpu, probe, kind, &sum.kind[kind]);
	seq_printf(seq, "own_more cpu=%u probe=%u hidden=%llu walks=%llu cut=%llu cut_more=%llu\n", cpu, probe, sum.hidden, sum.walks, sum.cut, sum.cut_more);
}

static void show_cpu(struct seq_file *seq, u32 cpu)
{
	const struct station *station = &stations[cpu];
	struct stress_counted outside = { 0 };
	u32 probe, level;

	for (probe = 0; probe <= STRESS_PROBES; probe++)
		show_ledger(seq, cpu, probe);
	for (probe = 0; probe < STRESS_PROBES; probe++)
		show_own(seq, cpu, probe);
	for (level = 0; level < STP_CONTEXTS; level++)
		add(&outside, &stress_actors[cpu][level].outside);
	show_counted(seq, "outside", cpu, STRESS_PROBES, STP_LOSS_KIND_MAP, &outside);
	seq_printf(seq, "nmi cpu=%u sent=%llu handled=%llu in_call=%llu in_module=%llu irqs_off=%llu in_ring=%llu\n", cpu, station->nmis_sent, station->nmis,
		   station->nmis_in_call, station->nmis_in_module, station->nmis_irqs_off, station->nmis_in_ring);
	for (level = 0; level < STP_CONTEXT_NMI; level++)
		seq_printf(seq, "nmi_level cpu=%u level=%s n=%llu\n", cpu, level_names[level], station->nmis_by_level[level]);
}

static void show_calls(struct seq_file *seq)
{
	u32 op, level, cpu, result;

	for (op = 1; op < OP_COUNT; op++) {
		u64 hit = 0;

		for (cpu = 0; cpu < STRESS_CPUS; cpu++)
			hit += stations[cpu].nmis_by_op[op];
		seq_printf(seq, "nmi_call call=%s n=%llu\n", stress_op_name[op], hit);
		for (level = 0; level < STP_CONTEXTS; level++) {
			seq_printf(seq, "calls call=%s level=%s", stress_op_name[op], level_names[level]);
			for (result = 0; result <= STP_EDOM; result++) {
				u64 n = 0;

				for (cpu = 0; cpu < STRESS_CPUS; cpu++)
					n += stress_actors[cpu][level].result[op][result];
				seq_printf(seq, " %u=%llu", result, n);
			}
			seq_putc(seq, '\n');
		}
	}
}

#define X(name) #name,
static const char *const wrong_names[] = { STRESS_WRONGS };
#undef X

static int report_show(struct seq_file *seq, void *unused)
{
	u32 cpu, wrong;

	if (wait_for_completion_interruptible(&is_over))
		return -ERESTARTSYS;
	for (cpu = 0; cpu < STRESS_CPUS; cpu++)
		show_cpu(seq, cpu);
	stress_load_show(seq);
	stress_reader_show(seq);
	show_calls(seq);
	seq_printf(seq, "refills n=%llu\n", refills);
	for (wrong = 0; wrong < WRONG_COUNT; wrong++)
		seq_printf(seq, "wrong what=%s n=%lld\n", wrong_names[wrong], atomic64_read(&stress_wrong[wrong]));
	seq_puts(seq, "end\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(report);

/*
 * The module.
 */

static int attach_nothing(struct stp_probe *probe)
{
	return 0;
}

static void detach_nothing(struct stp_probe *probe)
{
}

static const struct stp_provider provider = { .name = "stress", .rank = 1, .attach = attach_nothing, .detach = detach_nothing };

static int init_session(void)
{
	static struct stp_probe *probes[STRESS_PROBES];
	struct stp_program program = {
		.probes = probes,
		.probes_count = STRESS_PROBES,
		.maps = stp_maps_begin,
		.maps_count = stp_maps_end - stp_maps_begin,
		.formats = stp_formats_begin,
		.formats_count = stp_formats_end - stp_formats_begin,
	};
	struct stp_config config = {
		.cpus = STRESS_CPUS,
		.print_size = STRESS_PRINT_SIZE,
		.actions = STRESS_ACTIONS,
		.time_us = STP_UNLIMITED,
		.overload_percent = STP_UNLIMITED,
		.errors = STP_UNLIMITED,
	};
	int error;
	u32 i;

	for (i = 0; i < STRESS_PROBES; i++) {
		stress_probe[i] = (struct stp_probe){ .provider = &provider, .target = "" };
		probes[i] = &stress_probe[i];
	}
	error = stp_session_init(&program, &config);
	for (i = 0; i < STRESS_CPUS && !error; i++) {
		rings[i] = stp_alloc(STRESS_RING_SIZE);
		error = rings[i] ? stp_session_set_ring(i, rings[i], STRESS_RING_SIZE) : -STP_ENOMEM;
	}
	if (!error)
		error = stp_session_start();
	return error;
}

static void init_actors(void)
{
	u32 cpu, level;

	for (cpu = 0; cpu < STRESS_CPUS; cpu++) {
		struct station *station = &stations[cpu];

		for (level = 0; level < STP_CONTEXTS; level++) {
			struct stress_actor *actor = &stress_actors[cpu][level];

			actor->cpu = cpu;
			actor->level = level;
			actor->random = (cpu * STP_CONTEXTS + level + 1) * 0x9e3779b97f4a7c15ull;
		}
		hrtimer_init(&station->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
		station->timer.function = on_timer;
		tasklet_setup(&station->tasklet, on_softirq);
		station->irq_work = IRQ_WORK_INIT_HARD(on_irq_work);
		*per_cpu_ptr(&reader_wake, cpu) = IRQ_WORK_INIT_HARD(wake_reader);
	}
}

static int begin(void)
{
	int error = stress_nmi_register(on_nmi);
	u32 cpu;

	nmi_registered = !error;
	if (!error)
		error = stress_reader_init();
	for (cpu = 0; cpu < STRESS_CPUS && !error; cpu++)
		error = start_station(cpu);
	return error;
}

static void free_all(void)
{
	u32 cpu;

	stp_session_fini();
	for (cpu = 0; cpu < STRESS_CPUS; cpu++)
		stp_free(rings[cpu]);
}

static int __init stress_init(void)
{
	int error;

	if (num_online_cpus() != STRESS_CPUS)
		return -ENODEV;
	init_actors();
	if (init_session()) {
		pr_err("stp_stress: %s", stp_log_text());
		free_all();
		return -EINVAL;
	}
	error = begin();
	if (!error) {
		conductor = kthread_run(conduct, NULL, "stp_stress");
		error = PTR_ERR_OR_ZERO(conductor);
	}
	if (error) {
		stop_all();
		free_all();
		return error;
	}
	folder = debugfs_create_dir("stp-stress", NULL);
	debugfs_create_file("report", 0400, folder, NULL, &report_fops);
	return 0;
}

static void __exit stress_exit(void)
{
	kthread_stop(conductor);
	debugfs_remove(folder);
	free_all();
}

module_init(stress_init);
module_exit(stress_exit);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Stress of the stp runtime in all contexts at once");
