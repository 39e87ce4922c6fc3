// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Provider uprobe: an instruction of an executable or a library, in all processes that run it. */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uprobes.h>

#include "elf.h"

#include "hit.h"

struct attached {
	struct uprobe_consumer consumer;
	struct stp_probe *probe;
	struct file *file; /* holds the inode */
	u64 offset;
};

/* How many arguments programs pass in registers, those of the kernel's calls; and how far above the stack pointer the others begin. */
#if defined(CONFIG_X86_32)
#define REGISTER_ARGUMENTS 0
#define STACK_ARGUMENTS 4 /* bytes: the return address */
#elif defined(CONFIG_S390)
#define REGISTER_ARGUMENTS 5
#define STACK_ARGUMENTS STACK_FRAME_OVERHEAD /* bytes: where the function saves registers */
#else
#define REGISTER_ARGUMENTS STP_EVENT_ARGS
#define STACK_ARGUMENTS 0
#endif

/* Whether the process has another calling convention than programs of the kernel's own word size. */
static bool is_foreign(const struct stp_hit *hit)
{
#if defined(CONFIG_X86_64)
	return !user_64bit_mode(hit->regs);
#elif defined(CONFIG_COMPAT)
	return is_compat_task();
#else
	return false;
#endif
}

/* Arguments of processes that are foreign are not known. */
static u64 user_arg(const struct stp_hit *hit, u32 n)
{
	unsigned long word = 0;

	if (is_foreign(hit))
		return 0;
	if (n < REGISTER_ARGUMENTS)
		return stp_hit_arg(hit, n);
	n -= REGISTER_ARGUMENTS;
	if (copy_from_user_nofault(&word, (const void __user *)(user_stack_pointer(hit->regs) + STACK_ARGUMENTS + n * sizeof(word)), sizeof(word)))
		return 0;
	return word;
}

static const struct stp_hit_kind kind = { .arg = user_arg };

/* In the context of the process, preemptible; it may even sleep, but a probe does not. */
static int on_user_hit(struct uprobe_consumer *consumer, struct pt_regs *regs)
{
	struct stp_hit hit = { .kind = &kind, .regs = regs };

	stp_probe_hit(container_of(consumer, struct attached, consumer)->probe, STP_CONTEXT_TASK, &hit);
	return 0;
}

static long read_bytes(void *file, void *to, u32 size, u64 at)
{
	loff_t place = at;

	return kernel_read(file, to, size, &place);
}

/* "PATH:" and then the function, or "0x" and an offset in the file. @path is the part before the last colon. */
static int find_offset(struct attached *attached, const char *path)
{
	struct stp_probe *probe = attached->probe;
	const char *where = probe->target + strlen(path) + 1;
	int error;

	if (!strncmp(where, "0x", 2))
		return kstrtou64(where, 16, &attached->offset) ? stp_refuse(probe, -STP_EINVAL, "%s is no offset", where) : 0;
	error = stp_elf_symbol(read_bytes, attached->file, where, &attached->offset);
	if (error == -STP_ENOENT)
		return stp_refuse(probe, error, "no such function: %s has no symbol %s", path, where);
	return error ? stp_refuse(probe, -STP_EINVAL, "%s is no executable or library that can be read", path) : 0;
}

static int attach_at(struct attached *attached, const char *path)
{
	struct stp_probe *probe = attached->probe;
	int error;

	attached->file = filp_open(path, O_RDONLY | O_LARGEFILE, 0);
	if (IS_ERR(attached->file))
		return stp_refuse(probe, -STP_ENOENT, "no such file: %s cannot be read (%ld)", path, PTR_ERR(attached->file));
	error = S_ISREG(file_inode(attached->file)->i_mode) ? find_offset(attached, path) : stp_refuse(probe, -STP_EINVAL, "%s is no file", path);
	if (!error) {
		attached->consumer.handler = on_user_hit;
		error = uprobe_register(d_real_inode(attached->file->f_path.dentry), attached->offset, &attached->consumer);
		if (error)
			error = stp_refuse(probe, -STP_EINVAL, "refused by the kernel (%d)", error);
	}
	if (error)
		filp_close(attached->file, NULL);
	return error;
}

static int attach(struct stp_probe *probe)
{
	const char *colon = strrchr(probe->target, ':');
	struct attached *attached;
	char *path;
	int error;

	if (!colon || probe->target[0] != '/' || !colon[1])
		return stp_refuse(probe, -STP_EINVAL, "give a whole path and a function or an offset in the file, as /bin/sh:main or /bin/sh:0x1234");
	attached = stp_alloc(sizeof(*attached));
	path = kstrndup(probe->target, colon - probe->target, GFP_KERNEL);
	if (attached && path) {
		attached->probe = probe;
		error = attach_at(attached, path);
	} else {
		error = stp_refuse(probe, -STP_ENOMEM, "no memory");
	}
	kfree(path);
	if (error)
		stp_free(attached);
	else
		probe->state = attached;
	return error;
}

static void detach(struct stp_probe *probe)
{
	struct attached *attached = probe->state;

	uprobe_unregister(d_real_inode(attached->file->f_path.dentry), attached->offset, &attached->consumer); /* waits for hits in flight */
	filp_close(attached->file, NULL);
	probe->state = NULL;
	stp_free(attached);
}

const struct stp_provider stp_provider_uprobe = {
	.name = "uprobe",
	.about = "a function or an offset in a file: /bin/sh:main, /bin/sh:0x1234",
	.rank = 1,
	.attach = attach,
	.detach = detach,
};
