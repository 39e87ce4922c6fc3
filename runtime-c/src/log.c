// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The session's log: lines for the user from init, attach and fini; bounded. */
#include <stp/format.h>
#include <stp/session.h>

static char log_text[STP_LOG_SIZE];
static u32 log_used;

static const char log_full[] = "(log is full)\n";

void stp_log_args(const char *format, const struct stp_args *args)
{
	/* What log_full and the final NUL need is kept back. */
	u32 usable = STP_LOG_SIZE - sizeof(log_full);
	struct stp_text text = { .out = log_text + log_used, .size = usable - log_used };

	if (log_used >= usable || stp_format(&text, format, args))
		return;
	if (text.length > text.size) {
		memcpy(text.out, log_full, sizeof(log_full));
		log_used = usable;
		return;
	}
	log_used += text.length;
	log_text[log_used] = 0;
}

const char *stp_log_text(void)
{
	return log_text;
}
