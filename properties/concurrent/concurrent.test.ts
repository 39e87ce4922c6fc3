/** Concurrent runs of the runtime's calls against the model (X1, X3, X4, M6, M10, M11, P3, T5), and the oracle against broken copies. */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { depthFirst } from "../../sim/explore/depth-first.ts";
import { pct, uniform } from "../../sim/explore/random.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { sample } from "../mutate.ts";
import { failAllocations } from "../fuzz/fuzz.ts";
import { Bench, compileConcurrent } from "./bench.ts";
import { ProgramGenerator } from "./generate.ts";
import type { Judge } from "./judge.ts";
import { everyPair, nameOfPair, pairsWithAdds, programOf, type Pair } from "./pairs.ts";
import { parseConcurrent } from "./program.ts";
import { fileOf, replayConcurrentFile } from "./replay.ts";
import { shrinkConcurrent } from "./shrink.ts";
import { exploreProgram, explorerFor, type Found } from "./survey.ts";
import { benchOf, broken, type Break } from "./testing.ts";

const seed = Number(process.env["STP_SEED"] ?? 1);
/** Pairs of this test; `npm run concurrent` has all. */
const PAIRS = 120;
const PROGRAMS = 400;
const PROGRAM_RUNS = 20;

let bench: Bench;
let judge: Judge;
beforeAll(async () => {
  ({ bench, judge } = await benchOf());
}, 300_000);

function agree(pairs: readonly Pair[], runs_max: number): void {
  for (const pair of pairs) {
    const program = programOf(pair);
    const { found } = exploreProgram({ bench, judge, program, explorer: explorerFor(bench, program), runs_max });
    expect(found && fileOf(found), nameOfPair(pair)).toBeUndefined();
  }
}

test(`pairs of calls agree with a serial order, in every schedule with few preemptions (STP_SEED=${seed})`, () => {
  agree(sample(everyPair(), PAIRS, seed), 4000);
});

test("every call agrees with whoever adds to the same map, on every kind of map, interrupting it and on another CPU (M6, M10, M13)", { timeout: 600_000 }, () => {
  agree(pairsWithAdds(), 4000);
});

test(`larger programs agree with a serial order, in random schedules (STP_SEED=${seed})`, () => {
  const generator = new ProgramGenerator(seed);
  for (let i = 0; i < PROGRAMS; i++) {
    const program = generator.program();
    const { found } = exploreProgram({ bench, judge, program, explorer: (i % 2 ? pct : uniform)({ runs: PROGRAM_RUNS, seed: seed + i, changes: 4 }) });
    expect(found && fileOf(found)).toBeUndefined();
  }
});

test("each allocation of init that fails is ENOMEM, and leaves nothing allocated", async () => {
  const { allocations, trouble } = failAllocations(await Bench.create(await compileConcurrent()));
  expect(trouble).toBeUndefined();
  expect(allocations).toBeGreaterThan(20);
});

const MAP = "runtime-c/src/map.c";
const CORE = "runtime-c/include/stp/map_core.h";
const RING = "runtime-c/src/ring.c";
const PROBE = "runtime-c/src/probe.c";
const WALK = "runtime-c/src/walk.c";

const TAKEN = "stp_unlikely(stp_cmpxchg(&part->owner, 0, ctx->cpu->lock_id) != 0) && !stp_map_wait(part, ctx)";
const BEGIN_ADD = "stp_map_begin_add(struct stp_map_call *call, struct stp_map *map, u32 shape, bool fits, u32 cut)\n{\n	";
const REMOVES_AT_ONCE = `		if (walk->remove)
			remove_everywhere(walk->map, room->shown);
		else if (walk->ctx && walk->map->parts_count == 1)
			look_ahead(walk);
	}
	stp_map_end_all(&call, walk->map);
`;
const REMOVES_LATER = `	}
	stp_map_end_all(&call, walk->map);
	if (found && walk->remove && !stp_map_begin_paid(&call, walk->map, true, 0)) {
		remove_everywhere(walk->map, room->shown);
		stp_map_end_all(&call, walk->map);
	}
`;

/** T0 walks a map that T1 has taken since, while T1 waits for one that T0 holds: a visit is refused (M10). */
const WAITING_WALK = `setup cpu0 map_set ints [1] 5
context T0 cpu 0
  cpu0 map_hold strings
  cpu0 map_walk ints insertion:0
  cpu0 map_release strings
context T1 cpu 1
  cpu1 map_hold ints
  cpu1 map_add strings ["a"] 1
  cpu1 map_release ints
`;

/**
 * Two lines do not fit into the print buffer: the first is flushed as the second is appended. If N1's record stands before it, the
 * third entry has been removed before its visit.
 */
const CLEARED_AHEAD = `setup cpu0 map_set mixed ["abcdefghijklmno", 1] 1000000000
setup cpu0 map_set mixed ["abcdefghijklmno", 2] 1000000000
setup cpu0 map_set mixed ["abcdefghijklmno", 3] 1000000000
context T0 cpu 0
  cpu0 probe_enter probe0 task
  cpu0 print_map mixed insertion:0
  cpu0 probe_exit
context N1 cpu 0
  cpu0 probe_enter probe1 nmi
  cpu0 map_clear mixed
  cpu0 print_printf "x" []
  cpu0 probe_exit
`;

test("a visit that would have to wait too long ends the walk, and is counted as refused (M10)", () => {
  const { program } = parseConcurrent(WAITING_WALK, "program");
  const shown = new Set<bigint>();
  const explorer = depthFirst({ preemptions: 1 });
  const { found } = exploreProgram({ bench, judge, program, explorer: (course, visit) => explorer(course, (outcome) => {
    for (const { op, result } of bench.observe(program).made.flat()) if (op.name === "map_walk") shown.add(result);
    return visit(outcome);
  }) });
  expect(found && fileOf(found)).toBeUndefined();
  expect([...shown].sort()).toEqual([-2n, 0n, 1n]); // refused, ended at once, and whole
});

/** Each with the rule that has to say so, and pairs in which it shows; or a program. One preemption is enough. */
const BREAKS: readonly (Break & { readonly what: string; readonly rule: string; readonly pairs?: RegExp; readonly program?: string })[] = [
  { what: "map calls always answer EBUSY", rule: "M6", path: CORE, from: `	if (${TAKEN})`, to: "	if (1)", pairs: /^map_add map_add cpu/ },
  { what: "map calls answer EBUSY for another CPU without waiting", rule: "M6", path: MAP, from: "for (tries = tries_max(ctx); tries; tries--)", to: "for (tries = 0; tries; tries--)", pairs: /^map_add map_add cpu/ },
  { what: "map calls answer EBUSY to every nmi", rule: "M6", path: CORE, from: `	if (${TAKEN})`, to: `	if (ctx->level == STP_CONTEXT_NMI || (${TAKEN}))`, pairs: /^map_add map_add nmi same inside/ },
  { what: "a map is locked with interrupts on", rule: "M6|context", path: CORE, from: `${BEGIN_ADD}call->flags = stp_irq_save();`, to: `${BEGIN_ADD}call->flags = 0;`, pairs: /^map_add map_add irq/ },
  { what: "a refused call is counted twice", rule: "X4", path: MAP, from: "	stp_ledger_attempt(row, STP_LOSS_KIND_MAP);\n	stp_ledger_lose(row,", to: "	stp_ledger_lose(row, STP_LOSS_KIND_MAP, STP_LOSS_BUSY);\n	stp_ledger_attempt(row, STP_LOSS_KIND_MAP);\n	stp_ledger_lose(row,", pairs: /^map_add map_add nmi/ },
  { what: "a call that found the map full is not counted", rule: "X4", path: CORE, from: "		stp_ledger_lose(call->ctx->row, STP_LOSS_KIND_MAP, STP_LOSS_FULL);", to: "		;", pairs: /^map_add map_add irq rivals/ },
  { what: "a map is given back without release", rule: "race", path: CORE, from: "	stp_store_release(&part->owner, 0);", to: "	STP_WRITE(part->owner, 0);", pairs: /^map_add map_add cpu/ },
  { what: "a call on all parts takes the first one only", rule: "locking|race", path: CORE, from: "if (map->parts_count == 1 || stp_map_take_others(map, ctx))", to: "if (1)", pairs: /^map_get map_add cpu same inside sums/ },
  { what: "map_clear shows its way", rule: "M11", path: MAP, from: "		STP_WRITE(part->size, 0); /* at once */", to: "		while (part->size)\n			STP_WRITE(part->size, part->size - 1);", pairs: /^map_clear map_size cpu last .* ints/ },
  { what: "a walk shows what has been removed", rule: "M10", path: WALK, from: "return ref->node->order < room->before[ref->part];", to: "return true;", pairs: /^map_walk map_del irq same/ },
  { what: "a walk's entry is looked at while it may change", rule: "race", path: WALK, from: "	walk->node = walk->room->shown;\n	return true;", to: "	walk->node = walk->room->refs[walk->at - 1].node;\n	return true;", pairs: /^map_walk map_add cpu same/ },
  { what: "copies ahead of a visit are shown though the map has changed", rule: "P5", path: "runtime-c/include/stp/map.h", from: "STP_READ(walk->map->parts->changes) != walk->room->changes", to: "0", program: CLEARED_AHEAD },
  { what: "a removing visit removes what it has not shown", rule: "M", path: WALK, from: REMOVES_AT_ONCE, to: REMOVES_LATER, pairs: /^map_walk_remove map_add cpu same/ },
  { what: "a refused visit is not counted", rule: "X4|M10", path: WALK, from: "	if (stp_map_begin_all(&call, walk->map, true, 0))\n		return false;", to: "	if (stp_map_begin_all(&call, walk->map, true, 0))\n		return stp_local_add(&call.ctx->row->kind[STP_LOSS_KIND_MAP].lost[STP_LOSS_BUSY], -1ull), false;", program: WAITING_WALK },
  { what: "a hit of a taken level is let in", rule: "X1|X2|X4|memory|context", path: PROBE, from: "outer->level >= level", to: "outer->level > level", pairs: /^probe_exit probe_exit early/ },
  { what: "a hit does not give its CPU back to the one that it interrupted", rule: "X|context", path: PROBE, from: "	STP_WRITE(cpu->current_ctx, ctx->outer);", to: "	STP_WRITE(cpu->current_ctx, &cpu->none);", pairs: /^probe_exit probe_exit irq/ },
  { what: "an error is reported when its hit is over", rule: "X|T5|race|memory", path: PROBE, from: "	account(ctx);\n", to: "	STP_WRITE(cpu->current_ctx, ctx->outer);\n	account(ctx);\n", pairs: /^raise raise early/ },
  { what: "a nested write publishes what is still being written", rule: "T5|race", path: RING, from: "if (STP_READ(ring->nest) > 1) {", to: "if (0) {", pairs: /^probe_exit probe_exit irq.* read/ },
  { what: "a record of whoever interrupts the publishing stays unseen", rule: "T5", path: RING, from: "while (STP_READ(ring->head) != head);", to: "while (0);", pairs: /^probe_exit probe_exit irq/ },
  { what: "records are published without release", rule: "race", path: RING, from: "stp_store_release(&ring->committed, head);", to: "STP_WRITE(ring->committed, head);", pairs: /^probe_exit ring_read cpu/ },
  { what: "space is used again without acquire", rule: "race", path: RING, from: "while (head + size - stp_load_acquire(&ring->tail)", to: "while (head + size - STP_READ(ring->tail)", pairs: /^probe_exit probe_exit task last.* read/ },
];

describe("a broken copy is found out", () => {
  test.each(BREAKS)("$what: $rule", async (change) => {
    const copy = await benchOf(broken(change));
    const programs = change.program === undefined ? everyPair().filter((pair) => change.pairs!.test(nameOfPair(pair))).map(programOf) : [parseConcurrent(change.program, "program").program];
    expect(programs.length).toBeGreaterThan(0);
    let found: Found | undefined;
    for (const program of programs) found ??= exploreProgram({ ...copy, program, explorer: depthFirst({ preemptions: 1 }) }).found;
    expect(found?.trouble.rule).toMatch(new RegExp(`^(${change.rule})`));
  });
});

test("a failure is shrunk, and its file fails on the broken copy and not on the runtime", async () => {
  const runtime = broken(BREAKS.find(({ what }) => what === "a call that found the map full is not counted")!);
  const copy = await benchOf(runtime);
  const generator = new ProgramGenerator(seed);
  let found: Found | undefined;
  for (let i = 0; i < 2000 && found?.trouble.rule !== "X4"; i++) found = exploreProgram({ ...copy, program: generator.program(), explorer: uniform({ runs: PROGRAM_RUNS, seed: i, changes: 4 }) }).found;
  expect(found?.trouble.rule).toBe("X4");

  const text = fileOf(shrinkConcurrent(found!, copy.bench, copy.judge));
  const { program } = parseConcurrent(text, "shrunk");
  expect(program.contexts.flatMap(({ operations }) => operations).length).toBeLessThanOrEqual(4);
  expect(program.contexts.length).toBeLessThanOrEqual(2);
  expect((await replayConcurrentFile("shrunk", text, { runtime })).trouble?.rule).toBe("X4");
  expect((await replayConcurrentFile("shrunk", text)).trouble).toBeUndefined();
});

describe("NoRegression", () => {
  const REGRESS = `${PROJECT_ROOT}properties/regress/`;
  const kept = readdirSync(REGRESS).filter((name) => name.endsWith(".run"));

  test.each(kept)("%s", async (name) => {
    expect((await replayConcurrentFile(name, readFileSync(REGRESS + name, "utf8"))).trouble).toBeUndefined();
  });

  test.each([
    ["row-of-a-claimed-context.run", "X4"], // X3
    ["actions-of-a-claimed-context.run", "M10"], // X6
  ])("%s fails without its repair: %s", async (name, rule) => {
    const prepared = "	prepare(ctx, probe, row, outer, now, ends);\n	stp_barrier();\n	/* A hit";
    const runtime = broken({ path: PROBE, from: prepared, to: "	hits--;\n	/* A hit" });
    expect((await replayConcurrentFile(name, readFileSync(REGRESS + name, "utf8"), { runtime })).trouble?.rule).toBe(rule);
  });
});
