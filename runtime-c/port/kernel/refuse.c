// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What a provider says when it cannot attach a probe. */
#include <linux/slab.h>

#include <stp/session.h>

#include "hit.h"

int stp_refuse(const struct stp_probe *probe, int error, const char *format, ...)
{
	va_list args;
	char *why;

	va_start(args, format);
	why = kvasprintf(GFP_KERNEL, format, args);
	va_end(args);
	stp_log("%s:%d: cannot attach %s %s: %s\n", probe->file, probe->line, probe->provider->name, probe->target, why ? why : "no memory");
	kfree(why);
	return error;
}

int stp_refuse_function(const struct stp_probe *probe, int error)
{
	if (error == -ENOENT)
		return stp_refuse(probe, -STP_ENOENT, "no such function (%d)", error);
	return stp_refuse(probe, -STP_EINVAL, "refused by the kernel (%d)", error);
}
