// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Relay as a supplier of memory and per-CPU files; what goes through them is our own ring (src/ring.c), because
 * relay_write() is not safe against nmi.
 * Must never: make a writer wait, or take a lock that a writer takes.
 */
#include <linux/debugfs.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/relay.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "module.h"

#define FILE_PREFIX "cpu"
#define WAIT_MS_MAX 100 /* ms: what little is there is read after so long */

/* The reader's side of one ring. */
struct reader {
	struct stp_ring *ring;
	struct mutex lock; /* one reader at a time; never taken by a writer */
	wait_queue_head_t wait;
	struct irq_work wake;
	struct dentry *empty_file; /* of a CPU without a ring, else NULL */
};

static struct reader *readers;
static struct rchan *channel;

static void wake_reader(struct irq_work *work)
{
	wake_up_interruptible(&container_of(work, struct reader, wake)->wait);
}

void stp_port_wake(struct stp_ring *ring)
{
	/* From any context, nmi too: the interrupt that follows does the waking. */
	irq_work_queue(&readers[ring->cpu].wake);
}

static bool is_over(void)
{
	return smp_load_acquire(&stp_session.state) == STP_STATE_ENDED;
}

static int open_ring(struct inode *inode, struct file *file)
{
	file->private_data = inode->i_private;
	return nonseekable_open(inode, file);
}

/* Copies what is readable. Return: bytes, or -EFAULT if not even one could be copied. */
static ssize_t copy_out(struct stp_ring *ring, char __user *to, size_t size)
{
	size_t copied = 0;

	while (copied < size) {
		unsigned long part;
		const u8 *from = stp_ring_peek(ring, &part);

		part = min(part, size - copied);
		if (!part)
			break;
		if (copy_to_user(to + copied, from, part))
			return copied ? copied : -EFAULT;
		stp_ring_consume(ring, part);
		copied += part;
	}
	return copied;
}

static ssize_t read_ring(struct file *file, char __user *to, size_t size, loff_t *at)
{
	struct reader *reader = file->private_data;
	ssize_t copied;
	bool over;

	for (;;) {
		/*
		 * Below the ring's wake_size nobody wakes us: look again by ourselves. What is little is left to grow meanwhile, or a probe that
		 * this very read hits would keep its reader busy for ever.
		 */
		if (!(file->f_flags & O_NONBLOCK) &&
		    wait_event_interruptible_timeout(reader->wait, stp_ring_readable(reader->ring) >= min_t(size_t, size, reader->ring->wake_size) || is_over(),
						     msecs_to_jiffies(WAIT_MS_MAX)) < 0)
			return -ERESTARTSYS;
		over = is_over(); /* before the look into the ring: what end probes wrote is not missed */
		if (mutex_lock_interruptible(&reader->lock))
			return -ERESTARTSYS;
		copied = copy_out(reader->ring, to, size);
		mutex_unlock(&reader->lock);
		if (copied || over)
			return copied;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
	}
}

static __poll_t poll_ring(struct file *file, poll_table *table)
{
	struct reader *reader = file->private_data;

	poll_wait(file, &reader->wait, table);
	return stp_ring_readable(reader->ring) || is_over() ? EPOLLIN | EPOLLRDNORM : 0;
}

static const struct file_operations ring_files = {
	.owner = THIS_MODULE,
	.open = open_ring,
	.read = read_ring,
	.poll = poll_ring,
	.llseek = no_llseek,
};

/* relay has not set @buf->cpu yet, but it made the name: "cpu" and the number. */
static struct dentry *create_file(const char *name, struct dentry *parent, umode_t mode, struct rchan_buf *buf, int *is_global)
{
	unsigned int cpu;

	if (kstrtouint(name + strlen(FILE_PREFIX), 10, &cpu) || cpu >= stp_session.config.cpus)
		return NULL;
	return debugfs_create_file(name, mode, parent, &readers[cpu], &ring_files);
}

static int remove_file(struct dentry *dentry)
{
	debugfs_remove(dentry);
	return 0;
}

static const struct rchan_callbacks callbacks = {
	.create_buf_file = create_file,
	.remove_buf_file = remove_file,
};

static int init_readers(void)
{
	u32 cpu;

	readers = kcalloc(stp_session.config.cpus, sizeof(*readers), GFP_KERNEL);
	if (!readers)
		return -ENOMEM;
	for (cpu = 0; cpu < stp_session.config.cpus; cpu++) {
		readers[cpu].ring = &stp_session.cpu[cpu].ring;
		mutex_init(&readers[cpu].lock);
		init_waitqueue_head(&readers[cpu].wait);
		init_irq_work(&readers[cpu].wake, wake_reader);
	}
	return 0;
}

/*
 * A CPU that is not up has no ring: what it writes if it comes up is lost by full, and counted. It has a file all the
 * same, so that a recording has one for every CPU.
 */
static void create_empty_files(void)
{
	char name[sizeof(FILE_PREFIX) + 10];
	u32 cpu;

	for (cpu = 0; cpu < stp_session.config.cpus; cpu++) {
		if (stp_session.cpu[cpu].ring.size)
			continue;
		snprintf(name, sizeof(name), FILE_PREFIX "%u", cpu);
		readers[cpu].empty_file = debugfs_create_file(name, 0400, stp_folder, &readers[cpu], &ring_files);
	}
}

int stp_transport_init(unsigned long ring_size)
{
	unsigned int cpu;
	int error = init_readers();

	if (error)
		return error;
	channel = relay_open(FILE_PREFIX, stp_folder, PAGE_SIZE, DIV_ROUND_UP(ring_size, PAGE_SIZE), &callbacks, NULL);
	if (!channel) {
		stp_log("no memory for rings of %d bytes\n", ring_size);
		stp_transport_fini();
		return -ENOMEM;
	}
	for_each_online_cpu(cpu) {
		struct rchan_buf *buf = *per_cpu_ptr(channel->buf, cpu);

		if (stp_session_set_ring(cpu, buf->start, ring_size)) {
			stp_transport_fini();
			return -EINVAL;
		}
	}
	create_empty_files();
	return 0;
}

void stp_transport_stopped(void)
{
	u32 cpu;

	for (cpu = 0; cpu < stp_session.config.cpus; cpu++)
		wake_up_interruptible(&readers[cpu].wait);
}

void stp_transport_fini(void)
{
	u32 cpu;

	if (channel)
		relay_close(channel); /* removes the files, waiting for reads under way */
	channel = NULL;
	for (cpu = 0; readers && cpu < stp_session.config.cpus; cpu++) {
		debugfs_remove(readers[cpu].empty_file);
		irq_work_sync(&readers[cpu].wake);
	}
	kfree(readers);
	readers = NULL;
}
