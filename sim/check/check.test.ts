/** What stp check finds if the runtime itself is broken: each breakage is one change of a copy of the C. */
import { describe, expect, test } from "vitest";
import { runtimeSources, type RuntimeSources } from "../../spec/runtime.ts";
import { checkProbe, type CheckResult } from "./check.ts";
import { compileProbe } from "../probe.ts";

/** Uses all that the breakages touch: a map, and a print of two calls, which is complete though the map call was refused. */
const PROBE = `#include <stp/stp.h>
STP_MAP(opens, STP_KEYS(STP_STR), STP_INT64, .entries_max = 4, .string_size = 16);
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_add(&opens, STP_KEY(stp_execname(ctx)), 1);
	stp_printf(ctx, "%s", stp_execname(ctx));
	stp_printf(ctx, " opened\\n");
}
STP_PROBE(end)
{
	stp_foreach(&opens, it, .sort = STP_BY_VALUE_DESC)
		stp_printf(ctx, "%s %d\\n", stp_it_str(it, 0), stp_it_int64(it));
}
`;

/** Prints at its hits only: what an end probe prints would bring a record to light that nobody published. */
const PRINTS = `#include <stp/stp.h>
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_printf(ctx, "%s opened\\n", stp_execname(ctx));
}
`;

/** Walks and changes what it walks. */
const WALKS = `#include <stp/stp.h>
STP_MAP(names, STP_KEYS(STP_STR), STP_INT64, .entries_max = 3, .string_size = 16);
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_add(&names, STP_KEY(stp_execname(ctx)), 1);
	stp_foreach(&names, it)
		stp_map_del(&names, STP_KEY(stp_it_str(it, 0)));
}
`;

type Change = readonly [before: string, after: string];

/** A copy with the changes; each must fit exactly one place. */
function broken(runtime: RuntimeSources, path: string, changes: readonly Change[]): RuntimeSources {
  const text = changes.reduce((source, [before, after]) => {
    if (source.split(before).length !== 2) throw new Error(`Not once in ${path}: ${before}`);
    return source.replace(before, () => after);
  }, runtime.files[path] ?? "");
  return { ...runtime, files: { ...runtime.files, [path]: text } };
}

async function check(runtime: RuntimeSources, text = PROBE): Promise<CheckResult> {
  const { wasm } = await compileProbe({ path: "probe.c", text }, runtime, true);
  return checkProbe({ wasm, events: [], first: true });
}

const rulesOf = (result: CheckResult): Set<string> => new Set(result.failures.map((failure) => failure.rule));

describe("checkProbe", { timeout: 180_000 }, () => {
  const runtime = runtimeSources("wasm32");

  test("with the runtime as it is finds nothing, and has seen refusals", async () => {
    const result = await check(runtime);
    expect(result.failures).toEqual([]);
    expect(Object.keys(result.losses).sort()).toEqual(["busy", "full"]); // full: the ring that nobody reads
  });

  test.each<[string, string, string, readonly Change[], string?]>([
    ["M6", "interrupts stay on while a map is held", "include/stp/map_core.h", [
      ["\tcall->part = stp_map_part_here(map, shape, call->ctx);\n", "\tcall->part = stp_map_part_here(map, shape, call->ctx);\n\tstp_irq_restore(call->flags);\n"],
    ]],
    ["locking", "a map is not locked at all", "include/stp/map_core.h", [["if (stp_unlikely(stp_cmpxchg(&part->owner, 0, ctx->cpu->lock_id) != 0) && !stp_map_wait(part, ctx))", "if (0)"]]],
    ["P3", "the ring reserves by a plain store", "src/ring.c", [["} while (stp_local_cmpxchg(&ring->head, head, head + size) != head);", "\tSTP_WRITE(ring->head, head + size);\n\t} while (0);"]]],
    ["P3", "the ring's last writer does not look again before it leaves", "src/ring.c", [["} while (STP_READ(ring->head) != head);", "} while (0);"]], PRINTS],
    ["memory", "the levels of a CPU share one print buffer", "src/session.c", [["ctx->print = stp_alloc(config->print_size);", "ctx->print = level ? cpu->ctx[0].print : stp_alloc(config->print_size);"]]],
    ["X4", "a refused map call is not counted as lost", "src/map.c", [["\tstp_ledger_lose(row, STP_LOSS_KIND_MAP, error == -STP_EBUDGET ? STP_LOSS_BUDGET : STP_LOSS_BUSY);\n", ""]]],
    ["locking", "a map is never given back", "include/stp/map_core.h", [["\tstp_lock_given(&part->owner);\n", ""], ["\tstp_store_release(&part->owner, 0);\n", ""]]],
    ["X2", "who waits for a map goes on for ever", "src/map.c", [["for (tries = tries_max(ctx); tries; tries--) {", "for (tries = tries_max(ctx); tries;) {"], ["if (STP_READ(part->owner) == ctx->cpu->lock_id)", "if (0)"]]],
    ["race", "a walk shows the node itself, which another CPU may use again", "src/walk.c", [["\twalk->node = walk->room->shown;\n\treturn true;", "\twalk->node = walk->room->refs[walk->at - 1].node;\n\treturn true;"]], WALKS],
    ["P3", "a map is given back without release, so that another CPU counts from what was there before", "include/stp/map_core.h", [["stp_store_release(&part->owner, 0);", "STP_WRITE(part->owner, 0);"]]],
    ["race", "the reader looks at what is committed without acquire", "src/ring.c", [["return stp_load_acquire(&ring->committed)", "return STP_READ(ring->committed)"]], PRINTS],
    ["X3", "a hit does not claim its level", "src/probe.c", [["\tSTP_WRITE(cpu->current_ctx, ctx);\n", ""]]],
    ["context", "a hit leaves preemption on", "src/probe.c", [["\tstp_preempt_disable();\n\tcpu = stp_this_cpu();", "\tcpu = stp_this_cpu();"]]],
    ["context", "a hit leaves preemption off at its end", "src/probe.c", [["\tSTP_WRITE(cpu->current_ctx, ctx->outer);\n\tstp_preempt_enable();", "\tSTP_WRITE(cpu->current_ctx, ctx->outer);"]]],
    ["memory", "a map's nodes are not given back", "src/map_init.c", [["\t\tmap->scheme->give(map, block);\n", ""]]],
    ["M6", "every map call answers EBUSY", "include/stp/map_core.h", [["if (stp_unlikely(stp_cmpxchg(&part->owner, 0, ctx->cpu->lock_id) != 0) && !stp_map_wait(part, ctx))", "if (ctx || stp_map_wait(part, ctx))"]]],
  ])("finds by %s that %s", async (rule, _what, path, changes, text) => {
    const result = await check(broken(runtime, `runtime-c/${path}`, changes), text);
    expect(rulesOf(result)).toContain(rule);
  });
});
