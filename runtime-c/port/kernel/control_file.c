// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Providers control_read and control_write: files of the session's own in debugfs/stp-NAME/files, which hit when they are read or written.
 * Both may be of one file. Attach and detach are made one at a time: nothing here guards the list of files.
 */
#include <linux/debugfs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#include "hit.h"
#include "module.h"

#define ANSWER_SIZE_MAX PAGE_SIZE /* bytes that one reader gets */

struct control_file {
	struct list_head list;
	const char *name;
	struct dentry *dentry; /* NULL once one of its probes is detached: then the others are about to be */
	struct stp_probe *reader;
	struct stp_probe *writer;
};

/* From an open to its close: the file is asked once. */
struct answer {
	struct mutex lock;
	struct control_file *file;
	bool asked;
	u32 length;
	char *text;
};

struct read_hit {
	struct stp_hit hit;
	struct answer *answer;
};

struct write_hit {
	struct stp_hit hit;
	const char *text;
	u32 length;
};

static LIST_HEAD(files);
static struct dentry *folder; /* while there are files */

static s32 look_at_text(const struct stp_hit *hit, u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	const struct write_hit *written = container_of(hit, struct write_hit, hit);
	u32 length = min(written->length, size);

	if (kind != STP_LOOK_TEXT)
		return -STP_ENOENT;
	memcpy(to, written->text, length);
	return length;
}

static const struct stp_hit_kind read_kind;
static const struct stp_hit_kind write_kind = { .look = look_at_text };

static int append_answer(struct stp_ctx *ctx, const char *text, u32 length)
{
	struct answer *answer = container_of(ctx->hit, struct read_hit, hit)->answer;
	u32 fits = min_t(u32, length, ANSWER_SIZE_MAX - answer->length);

	memcpy(answer->text + answer->length, text, fits);
	answer->length += fits;
	return fits < length ? -STP_EFULL : 0;
}

static int open_file(struct inode *inode, struct file *file)
{
	struct answer *answer = stp_alloc(sizeof(*answer));

	if (!answer)
		return -ENOMEM;
	mutex_init(&answer->lock);
	answer->file = inode->i_private;
	answer->text = file->f_mode & FMODE_READ ? stp_alloc(ANSWER_SIZE_MAX) : NULL;
	if ((file->f_mode & FMODE_READ) && !answer->text) {
		stp_free(answer);
		return -ENOMEM;
	}
	file->private_data = answer;
	return 0;
}

static int release_file(struct inode *inode, struct file *file)
{
	struct answer *answer = file->private_data;

	stp_free(answer->text);
	stp_free(answer);
	return 0;
}

static STP_NOINLINE void hit_reader(struct answer *answer)
{
	struct read_hit hit = { .hit = { .kind = &read_kind }, .answer = answer };

	answer->asked = true;
	stp_probe_hit(answer->file->reader, STP_CONTEXT_TASK, &hit.hit);
}

static ssize_t read_control(struct file *file, char __user *to, size_t size, loff_t *at)
{
	struct answer *answer = file->private_data;
	ssize_t got;

	if (!READ_ONCE(answer->file->reader))
		return -EINVAL; /* there is none, or it is not attached yet */
	if (mutex_lock_interruptible(&answer->lock))
		return -ERESTARTSYS;
	if (!answer->asked)
		hit_reader(answer);
	got = simple_read_from_buffer(to, size, at, answer->text, answer->length);
	mutex_unlock(&answer->lock);
	return got;
}

static STP_NOINLINE void hit_writer(struct stp_probe *probe, const char *text, u32 length)
{
	struct write_hit hit = { .hit = { .kind = &write_kind }, .text = text, .length = length };

	stp_probe_hit(probe, STP_CONTEXT_TASK, &hit.hit);
}

/* A text that would not fit is refused: nothing of it is cut, and one write is one hit. */
static ssize_t write_text(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	struct answer *answer = file->private_data;
	size_t length = size;
	char *text;

	if (!READ_ONCE(answer->file->writer))
		return -EINVAL;
	if (size > STP_STRING_SIZE_MAX)
		return -EMSGSIZE;
	text = memdup_user_nul(from, size);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (length && text[length - 1] == '\n')
		length--;
	if (length < STP_STRING_SIZE_MAX)
		hit_writer(answer->file->writer, text, length);
	kfree(text);
	return length < STP_STRING_SIZE_MAX ? size : -EMSGSIZE;
}

static const struct file_operations control_files = {
	.owner = THIS_MODULE,
	.open = open_file,
	.release = release_file,
	.read = read_control,
	.write = write_text,
	.llseek = no_llseek,
};

static bool is_name(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")];
}

static struct control_file *find(const char *name)
{
	struct control_file *file;

	list_for_each_entry(file, &files, list)
		if (!strcmp(file->name, name))
			return file;
	return NULL;
}

static void remove(struct control_file *file)
{
	debugfs_remove(file->dentry); /* waits for calls in flight */
	list_del(&file->list);
	stp_free(file);
	if (!list_empty(&files))
		return;
	debugfs_remove(folder);
	folder = NULL;
}

static struct control_file *create(const char *name)
{
	struct control_file *file = stp_alloc(sizeof(*file));

	if (!file)
		return NULL;
	if (!folder)
		folder = debugfs_create_dir("files", stp_folder);
	file->name = name;
	list_add(&file->list, &files);
	return file;
}

/* For root, to read, to write or both, as the program's probes have it. */
static umode_t mode_of(const char *name)
{
	umode_t mode = 0;
	u32 i;

	for (i = 0; i < stp_session.program.probes_count; i++) {
		const struct stp_probe *probe = stp_session.program.probes[i];

		if (!strcmp(probe->target, name))
			mode |= probe->provider == &stp_provider_control_read ? 0400 : probe->provider == &stp_provider_control_write ? 0200 : 0;
	}
	return mode;
}

static bool is_reader(const struct stp_probe *probe)
{
	return probe->provider == &stp_provider_control_read;
}

static int attach(struct stp_probe *probe)
{
	struct control_file *file = find(probe->target);
	struct stp_probe **place;

	if (!is_name(probe->target))
		return stp_refuse(probe, -STP_EINVAL, "the name of a file is of letters, digits, - and _");
	if (!stp_folder)
		return stp_refuse(probe, -STP_EINVAL, "its file needs debugfs; load with transport=relay");
	if (!file)
		file = create(probe->target);
	if (!file)
		return stp_refuse(probe, -STP_ENOMEM, "no memory");
	place = is_reader(probe) ? &file->reader : &file->writer;
	if (*place)
		return stp_refuse(probe, -STP_EINVAL, "the program has another probe of that file");
	WRITE_ONCE(*place, probe);
	if (!file->dentry)
		file->dentry = debugfs_create_file(file->name, mode_of(file->name), folder, file, &control_files);
	if (IS_ERR(file->dentry)) {
		remove(file);
		return stp_refuse(probe, -STP_EINVAL, "debugfs refused the file");
	}
	probe->state = file;
	return 0;
}

/* All probes of the session are detached together, so the file goes with the first of them. */
static void detach(struct stp_probe *probe)
{
	struct control_file *file = probe->state;

	debugfs_remove(file->dentry); /* waits for calls in flight */
	file->dentry = NULL;
	if (is_reader(probe))
		file->reader = NULL;
	else
		file->writer = NULL;
	probe->state = NULL;
	if (!file->reader && !file->writer)
		remove(file);
}

const struct stp_provider stp_provider_control_read = {
	.name = "control_read",
	.about = "a file of the session that is read, by its name",
	.rank = 1,
	.attach = attach,
	.detach = detach,
	.answer = append_answer,
};

const struct stp_provider stp_provider_control_write = {
	.name = "control_write",
	.about = "a file of the session that is written, by its name",
	.rank = 1,
	.attach = attach,
	.detach = detach,
};
