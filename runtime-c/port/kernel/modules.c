// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Modules that come and go while the session runs: when, and the functions of those that went, so that a backtrace through them can
 * be read afterwards. What is still there at the end stands in /proc/kallsyms.
 * Must never: hold up or fail the loading of a module; keep more than STP_MODULES_SIZE_MAX bytes of names.
 */
#include <linux/kallsyms.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "module.h"

struct seen {
	struct list_head list;
	char name[MODULE_NAME_LEN];
	u64 loaded_ns, unloaded_ns; /* 0: before the session; not yet */
	char *functions; /* lines "address type name", NULL while it is loaded */
	u32 size;
};

static LIST_HEAD(all_seen); /* in order of loading */
static DEFINE_MUTEX(lock);
static u32 used; /* bytes */
static bool full;

static struct seen *add_seen(const char *name)
{
	struct seen *seen = kzalloc(sizeof(*seen), GFP_KERNEL);

	if (!seen || used + sizeof(*seen) > STP_MODULES_SIZE_MAX) {
		full = true;
		kfree(seen);
		return NULL;
	}
	used += sizeof(*seen);
	strscpy(seen->name, name, sizeof(seen->name));
	list_add_tail(&seen->list, &all_seen);
	return seen;
}

static struct seen *find_loaded(const char *name)
{
	struct seen *seen;

	list_for_each_entry_reverse(seen, &all_seen, list)
		if (!seen->unloaded_ns && !strcmp(seen->name, name))
			return seen;
	return NULL;
}

#ifdef CONFIG_KALLSYMS
/* Lines of @module's functions. Return: bytes that they take, of which at most @room are written. */
static u32 write_functions(const struct module *module, char *to, u32 room)
{
	const struct mod_kallsyms *symbols;
	u32 size = 0;
	unsigned int i;

	symbols = rcu_dereference_raw(module->kallsyms); /* it is going, and we are asked before it is gone */
	for (i = 0; symbols && i < symbols->num_symtab; i++) {
		const Elf_Sym *symbol = &symbols->symtab[i];

		if (symbol->st_shndx != SHN_UNDEF && strchr("tTwW", symbols->typetab[i]))
			size += snprintf(size < room ? to + size : NULL, size < room ? room - size : 0, "%lx %c %s\n",
					 (unsigned long)symbol->st_value, symbols->typetab[i], symbols->strtab + symbol->st_name);
	}
	return size;
}
#else
static u32 write_functions(const struct module *module, char *to, u32 room)
{
	return 0;
}
#endif

static void keep_functions(struct seen *seen, const struct module *module)
{
	u32 size = write_functions(module, NULL, 0);

	if (used + size > STP_MODULES_SIZE_MAX) {
		full = true;
		return;
	}
	seen->functions = kvmalloc(size + 1, GFP_KERNEL);
	if (!seen->functions) {
		full = true;
		return;
	}
	seen->size = write_functions(module, seen->functions, size + 1);
	used += size;
}

static int notice(struct notifier_block *block, unsigned long state, void *data)
{
	const struct module *module = data;
	struct seen *seen;

	if (module == THIS_MODULE || stp_is_over())
		return NOTIFY_DONE;
	mutex_lock(&lock);
	if (state == MODULE_STATE_COMING) {
		seen = add_seen(module->name);
		if (seen)
			seen->loaded_ns = stp_time_ns();
	} else if (state == MODULE_STATE_GOING) {
		seen = find_loaded(module->name);
		seen = seen ? seen : add_seen(module->name);
		if (seen) {
			seen->unloaded_ns = stp_time_ns();
			keep_functions(seen, module);
		}
	}
	mutex_unlock(&lock);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = notice };

int stp_modules_init(void)
{
	return register_module_notifier(&notifier);
}

void stp_modules_write(stp_write_fn write, void *to)
{
	char head[MODULE_NAME_LEN + 64];
	struct seen *seen;

	mutex_lock(&lock);
	list_for_each_entry(seen, &all_seen, list) {
		write(to, head, scnprintf(head, sizeof(head), "module %s %llu %llu\n", seen->name, seen->loaded_ns, seen->unloaded_ns));
		if (seen->functions)
			write(to, seen->functions, seen->size);
	}
	if (full)
		write(to, "more\n", 5);
	mutex_unlock(&lock);
}

void stp_modules_fini(void)
{
	struct seen *seen, *next;

	unregister_module_notifier(&notifier);
	list_for_each_entry_safe(seen, next, &all_seen, list) {
		kvfree(seen->functions);
		kfree(seen);
	}
}
