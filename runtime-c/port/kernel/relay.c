// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Relay as a supplier of memory and per-CPU files; what goes through them is our own ring (src/ring.c), because
 * relay_write() is not safe against nmi.
 * Must never: make a writer wait, or take a lock that a writer takes.
 *
 * A reader's file position is its acknowledgement: what stands before it is given back to the ring by the next read. So what a reader
 * that was killed had not yet kept is still there for the next one. A ring that overwrites is read by snapshot (snapshot.c).
 */
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/relay.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "module.h"
#include "snapshot.h"
#include "transport.h"

#define FILE_PREFIX "cpu"

/* The reader's side of one ring. */
struct reader {
	struct stp_ring *ring;
	struct mutex lock; /* one reader at a time; never taken by a writer */
	unsigned long open; /* bit 0 */
	u64 given; /* stream offset of the ring's tail, in 64 bits everywhere */
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

static void wake_of_relay(u32 cpu)
{
	/* From any context, nmi too: the interrupt that follows does the waking. */
	irq_work_queue(&readers[cpu].wake);
}

static int open_ring(struct inode *inode, struct file *file)
{
	struct reader *reader = inode->i_private;

	/* Not by the lock: a read that waits for data holds it. */
	if (test_and_set_bit_lock(0, &reader->open))
		return -EBUSY;
	file->private_data = reader;
	return 0;
}

static int release_ring(struct inode *inode, struct file *file)
{
	struct reader *reader = inode->i_private;

	WRITE_ONCE(reader->ring->wanted, STP_RING_UNWANTED);
	clear_bit_unlock(0, &reader->open);
	return 0;
}

/* Give back what stands before @at; a position that the ring does not hold becomes that of the oldest byte. */
static void acknowledge(struct reader *reader, loff_t *at)
{
	u64 bytes = *at - reader->given;

	if (bytes > stp_ring_readable(reader->ring)) {
		*at = reader->given;
		return;
	}
	stp_ring_consume(reader->ring, bytes);
	reader->given += bytes;
}

/* Return: whether there is so much to read, or nothing will come any more; or -ERESTARTSYS. */
static long wait_for(struct reader *reader, unsigned long bytes, long timeout)
{
	struct stp_ring *ring = reader->ring;

	/* Wanted anew by each look: a late wake may find that what it was for is read already. */
	return wait_event_interruptible_timeout(reader->wait, ({ WRITE_ONCE(ring->wanted, bytes); stp_ring_readable(ring) >= bytes || stp_is_over(); }), timeout);
}

/*
 * Asleep without any timer while nothing comes; and what comes first is left to grow, or a probe that this very read hits would keep
 * its reader busy for ever.
 */
static long wait_for_data(struct reader *reader, size_t size)
{
	long left = wait_for(reader, 1, msecs_to_jiffies(STP_FIRST_LOOK_MS));

	if (!left)
		left = wait_for(reader, 1, MAX_SCHEDULE_TIMEOUT);
	if (left > 0)
		left = wait_for(reader, min_t(unsigned long, size, reader->ring->size / 4), msecs_to_jiffies(STP_BATCH_MS_MAX));
	WRITE_ONCE(reader->ring->wanted, STP_RING_UNWANTED);
	return left;
}

/* Copies what is readable. Return: bytes, or -EFAULT if not even one could be copied. */
static ssize_t copy_out(struct stp_ring *ring, char __user *to, size_t size)
{
	size_t copied = 0;

	while (copied < size) {
		unsigned long part;
		const u8 *from = stp_ring_peek_at(ring, copied, &part);

		part = min(part, size - copied);
		if (!part)
			break;
		if (copy_to_user(to + copied, from, part))
			return copied ? copied : -EFAULT;
		copied += part;
	}
	return copied;
}

static ssize_t read_ring(struct file *file, char __user *to, size_t size, loff_t *at)
{
	struct reader *reader = file->private_data;
	ssize_t copied;
	bool over;

	if (!size)
		return 0;
	if (mutex_lock_interruptible(&reader->lock))
		return -ERESTARTSYS;
	acknowledge(reader, at);
	do {
		copied = -ERESTARTSYS;
		if (!(file->f_flags & O_NONBLOCK) && wait_for_data(reader, size) < 0)
			break;
		over = stp_is_over(); /* before the look into the ring: what end probes wrote is not missed */
		copied = copy_out(reader->ring, to, size);
		if (!copied && !over && file->f_flags & O_NONBLOCK)
			copied = -EAGAIN;
	} while (!copied && !over);
	if (copied > 0)
		*at += copied;
	mutex_unlock(&reader->lock);
	return copied;
}

static const struct file_operations ring_files = {
	.owner = THIS_MODULE,
	.open = open_ring,
	.release = release_ring,
	.read = read_ring,
	.llseek = default_llseek,
};

static int open_snapshot(struct inode *inode, struct file *file)
{
	const struct reader *reader = inode->i_private;

	return stp_snapshot_open(file, reader->ring);
}

static const struct file_operations snapshot_files = {
	.owner = THIS_MODULE,
	.open = open_snapshot,
	.release = stp_snapshot_release,
	.read = stp_snapshot_read,
	.llseek = default_llseek,
};

static struct dentry *create_cpu_file(const char *name, struct dentry *parent, umode_t mode, u32 cpu)
{
	return debugfs_create_file(name, mode, parent, &readers[cpu], stp_session.config.overwrite ? &snapshot_files : &ring_files);
}

/* relay has not set @buf->cpu yet, but it made the name: "cpu" and the number. */
static struct dentry *create_file(const char *name, struct dentry *parent, umode_t mode, struct rchan_buf *buf, int *is_global)
{
	unsigned int cpu;

	if (kstrtouint(name + strlen(FILE_PREFIX), 10, &cpu) || cpu >= stp_session.config.cpus)
		return NULL;
	/* Of a CPU that comes up now: it has one, which relay removes from now on. */
	if (!IS_ERR_OR_NULL(readers[cpu].empty_file))
		return xchg(&readers[cpu].empty_file, NULL);
	return create_cpu_file(name, parent, mode, cpu);
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
		readers[cpu].empty_file = create_cpu_file(name, stp_folder, 0400, cpu);
	}
}

static void end_relay(void)
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

static int init_rings(unsigned long ring_size)
{
	unsigned int cpu;

	channel = relay_open(FILE_PREFIX, stp_folder, PAGE_SIZE, DIV_ROUND_UP(ring_size, PAGE_SIZE), &callbacks, NULL);
	if (!channel) {
		stp_log("no memory for rings of %d bytes\n", ring_size);
		return -ENOMEM;
	}
	for_each_online_cpu(cpu) {
		struct rchan_buf *buf = *per_cpu_ptr(channel->buf, cpu);

		if (stp_session_set_ring(cpu, buf->start, ring_size))
			return -EINVAL;
	}
	create_empty_files();
	return 0;
}

static int begin_relay(unsigned long ring_size)
{
	int error;

	if (IS_ERR_OR_NULL(stp_folder)) {
		stp_log("no folder in debugfs: a session of that name is loaded, or the kernel refuses debugfs; load with transport=netlink\n");
		return -ENOENT;
	}
	error = init_readers();
	if (error)
		return error;
	cpus_read_lock(); /* relay makes buffers for CPUs that come up */
	error = init_rings(ring_size);
	cpus_read_unlock();
	if (error)
		end_relay();
	return error;
}

static void relay_stopped(void)
{
	u32 cpu;

	for (cpu = 0; cpu < stp_session.config.cpus; cpu++)
		wake_up_interruptible(&readers[cpu].wait);
}

const struct stp_transport stp_relay = {
	.init = begin_relay,
	.wake = wake_of_relay,
	.stopped = relay_stopped,
	.said = stp_files_said,
	.fini = end_relay,
};
