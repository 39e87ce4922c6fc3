// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Life of a session: what attaches, runs and detaches, and in which order. */
#include <stdio.h>

#include <stp/stp.h>

#include "bed.h"

static char life[256];
static int refuse_attach;

static int attach_noted(struct stp_probe *probe)
{
	sprintf(life + strlen(life), "+%s ", probe->target);
	return refuse_attach && !strcmp(probe->target, "second") ? -7 : 0;
}

static void detach_noted(struct stp_probe *probe)
{
	sprintf(life + strlen(life), "-%s ", probe->target);
	stp_probe_hit(probe, STP_CONTEXT_TASK, NULL); /* X5: who comes while it stops is no hit any more */
	need(!probe->missed);
	probe->missed = probe->target[0] == 's' ? 3 : 0;
}

static const struct stp_provider noted = { .name = "noted", .rank = 1, .attach = attach_noted, .detach = detach_noted };

static void note_hit(struct stp_ctx *ctx)
{
	sprintf(life + strlen(life), "%s ", ctx->probe->target);
	if (!strcmp(ctx->probe->target, "exits"))
		stp_exit(ctx);
}

static struct stp_probe life_probes[] = {
	{ .provider = &noted, .target = "first", .body = note_hit },
	{ .provider = &stp_provider_begin, .target = "begin", .body = note_hit },
	{ .provider = &stp_provider_end, .target = "end", .body = note_hit },
	{ .provider = &noted, .target = "second", .body = note_hit, .missed = 9 },
	{ .provider = &noted, .target = "third", .body = note_hit },
};

static void need_life(const char *what, int line)
{
	watch_need(!strcmp(life, what), life, __FILE__, line);
	life[0] = 0;
}

static void live(struct stp_probe **refs)
{
	u32 i;

	for (i = 0; i < 5; i++)
		refs[i] = &life_probes[i];
}

static void case_life(void)
{
	struct stp_probe *refs[5];
	struct stp_program program = { .probes = refs, .probes_count = 5 };
	struct stp_config config = { .cpus = 1 };
	struct stp_ledger_kind *hits;

	live(refs);
	need(!stp_session_init(&program, &config));
	stp_probe_hit(refs[0], STP_CONTEXT_TASK, NULL); /* idle: no hit */
	need_life("", __LINE__);
	need(!stp_session_start());
	need(stp_session.state == STP_STATE_RUNNING);
	need_life("begin +first +second +third ", __LINE__);
	need(stp_session_start() == -STP_ESTATE);
	stp_probe_hit(refs[0], STP_CONTEXT_TASK, NULL);
	need_life("first ", __LINE__);
	stp_session_stop();
	need(stp_session.state == STP_STATE_ENDED);
	need_life("-third -second -first end ", __LINE__);
	hits = &stp_session.cpu[0].rows[3].kind[STP_LOSS_KIND_HIT];
	need(hits->attempted == 3 && hits->lost[STP_LOSS_TRANSPORT] == 3 && !hits->delivered);
	need(!stp_session.cpu[0].rows[4].kind[STP_LOSS_KIND_HIT].attempted);
	stp_session_stop();
	stp_probe_hit(refs[0], STP_CONTEXT_TASK, NULL);
	need_life("", __LINE__);
	need(stp_session_start() == -STP_ESTATE);
	stp_session_fini();
	need_life("", __LINE__);

	need(!stp_session_init(&program, &config));
	stp_session_stop();
	need(stp_session.state == STP_STATE_ENDED);
	need_life("", __LINE__);
	stp_session_fini();

	need(!stp_session_init(&program, &config));
	refuse_attach = 1;
	need(stp_session_start() == -7);
	refuse_attach = 0;
	need(stp_session.state == STP_STATE_ENDED);
	need_life("begin +first +second -first ", __LINE__);
	stp_session_fini();
	need_life("", __LINE__);

	/* A begin probe that exits: nothing is attached, end probes run. */
	life_probes[1].target = "exits";
	need(!stp_session_init(&program, &config));
	watch.stops = 0;
	need(!stp_session_start());
	need(watch.stops == 1 && stp_session.state == STP_STATE_STOPPING);
	stp_exit(NULL);
	need(watch.stops == 1);
	stp_session_stop();
	need_life("exits end ", __LINE__);
	stp_exit(NULL);
	need(watch.stops == 1 && stp_session.state == STP_STATE_ENDED);
	stp_session_fini();
	life_probes[1].target = "begin";

	need(!stp_session_init(&program, &config));
	stp_exit(NULL); /* idle: there is nothing to stop */
	need(watch.stops == 1 && stp_session.state == STP_STATE_IDLE);
	need(!stp_session_start());
	stp_exit(NULL);
	need(watch.stops == 2);
	stp_probe_hit(refs[0], STP_CONTEXT_TASK, NULL);
	stp_session_fini(); /* stops */
	need_life("begin +first +second +third -third -second -first end ", __LINE__);
}

void life_cases(void)
{
	case_life();
}
