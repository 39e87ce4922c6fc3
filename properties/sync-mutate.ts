/**
 * Tries the synchronisation mutants: each copy of the C is checked with programs that use all of it, until something fails.
 *
 * `tsx properties/sync-mutate.ts [--only TEXT]` prints what became of each, and the score. Exit 1 if one survives.
 * Siblings: sync-mutants.ts makes them; sim/check/ finds them.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { checkProbe } from "../sim/check/check.ts";
import { depthFirst } from "../sim/explore/depth-first.ts";
import { compileProbe } from "../sim/probe.ts";
import { runtimeSources, type RuntimeSources } from "../spec/runtime.ts";
import { Bench, compileConcurrent } from "./concurrent/bench.ts";
import { Judge } from "./concurrent/judge.ts";
import { everyPair, nameOfPair, pairsWithAdds, programOf } from "./concurrent/pairs.ts";
import { exploreProgram } from "./concurrent/survey.ts";
import { loadModel } from "./model.ts";
import { plant, type Mutant } from "./mutants.ts";
import { sample } from "./mutate.ts";
import { explanationOf, syncMutants } from "./sync-mutants.ts";

/** Programs that together reach every place: small maps, so that they are full, and several probes. */
const PROGRAMS = {
  maps: `#include <stp/stp.h>
STP_MAP(opens, STP_KEYS(STP_STR), STP_INT64, .entries_max = 4, .string_size = 16);
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_add(&opens, STP_KEY(stp_execname(ctx)), 1);
	stp_printf(ctx, "%s opened\\n", stp_execname(ctx));
}
STP_PROBE(end)
{
	stp_foreach(&opens, it, .sort = STP_BY_VALUE_DESC)
		stp_printf(ctx, "%s %d\\n", stp_it_str(it, 0), stp_it_int64(it));
}
`,
  prints: `#include <stp/stp.h>
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_printf(ctx, "%s opened\\n", stp_execname(ctx));
}
`,
  reads: `#include <stp/stp.h>
STP_MAP(tids, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 3);
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_set(&tids, STP_KEY(1), 1);
	stp_map_get(&tids, STP_KEY(1));
}
`,
  shows: `#include <stp/stp.h>
STP_MAP(tids, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 3);
STP_PROBE(begin)
{
	stp_map_set(&tids, STP_KEY(1), 1);
}
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_foreach(&tids, it)
		if (stp_it_key_int64(it, 0) > 9)
			stp_pid(ctx);
}
`,
  stats: `#include <stp/stp.h>
STP_STAT(sizes, .hist = STP_HIST_LOG);
STP_MAP(counts, STP_KEYS(STP_INT64), STP_INT64, .per_cpu = true, .entries_max = 2);
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_stat_add(&sizes, 3);
	stp_map_add(&counts, STP_KEY(1), 1);
}
STP_PROBE(end)
{
	stp_printf(ctx, "%d\\n", stp_stat_count(&sizes));
	stp_print_map(ctx, &counts, .remove = true);
}
`,
  walks: `#include <stp/stp.h>
STP_MAP(tids, STP_KEYS(STP_INT64), STP_INT64, .entries_max = 3);
STP_PROBE(kprobe, "do_sys_openat2")
{
	stp_map_set(&tids, STP_KEY(1), 1);
	stp_foreach(&tids, it)
		stp_map_del(&tids, STP_KEY(stp_it_key_int64(it, 0)));
}
`,
} as const;

/** Pairs of calls that are tried on what the programs did not catch: of all, and of those in which a call meets one that adds. */
const PAIRS = 250;
const PAIRS_WITH_ADDS = 150;
const PAIRS_SEED = 1;
const PAIR_RUNS_MAX = 1000;

export interface SyncFate {
  readonly mutant: Mutant;
  /** The rule by which it was caught, "does not compile", or undefined: it survived. */
  readonly caught: string | undefined;
  /** Why it lives, if that is known: it changes nothing that can be seen, or another test catches it. */
  readonly explained: string | undefined;
}

/** What fails first on a copy of the C: the rule and the program, or undefined. */
export async function failureOfPrograms(runtime: RuntimeSources): Promise<string | undefined> {
  for (const [name, text] of Object.entries(PROGRAMS)) {
    const caught = await caughtBy(runtime, `${name}.c`, text);
    if (caught) return `${caught} by ${name}`;
  }
  return caughtByPairs(runtime);
}

export async function trySyncMutant(runtime: RuntimeSources, mutant: Mutant): Promise<SyncFate> {
  const caught = await failureOfPrograms(plant(runtime, mutant));
  if (caught) return { mutant, caught, explained: undefined };
  return { mutant, caught: undefined, explained: explanationOf(mutant) };
}

async function caughtBy(runtime: RuntimeSources, path: string, text: string): Promise<string | undefined> {
  try {
    const { wasm } = await compileProbe({ path, text }, runtime, true);
    const { failures } = await checkProbe({ wasm, events: [], first: true });
    return failures[0]?.rule;
  } catch (error) {
    if (error instanceof Error && /^Cannot compile/.test(error.message)) return "does not compile";
    throw error;
  }
}

/** Pairs of calls at once, against the model: what only shows outside of a probe, or in a result. */
async function caughtByPairs(runtime: RuntimeSources): Promise<string | undefined> {
  const bench = await Bench.create(await compileConcurrent({ runtime }));
  const judge = new Judge(bench, await loadModel());
  for (const pair of [...sample(pairsWithAdds(), PAIRS_WITH_ADDS, PAIRS_SEED), ...sample(everyPair(), PAIRS, PAIRS_SEED)]) {
    const { found } = exploreProgram({ bench, judge, program: programOf(pair), explorer: depthFirst({ preemptions: 1, reduced: true }), runs_max: PAIR_RUNS_MAX });
    if (found) return `${found.trouble.rule} by ${nameOfPair(pair)}`;
  }
  return undefined;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
  const runtime = runtimeSources("wasm32");
  const fates: SyncFate[] = [];
  for (const mutant of syncMutants(runtime).filter(({ name }) => name.includes(values.only))) {
    const fate = await trySyncMutant(runtime, mutant);
    fates.push(fate);
    console.log(`${(fate.caught ?? (fate.explained ? "explained" : "SURVIVED")).padEnd(20)} ${mutant.name}: ${mutant.before.trim()}${fate.explained ? `  (${fate.explained})` : ""}`);
  }
  const caught = fates.filter((fate) => fate.caught).length;
  const explained = fates.filter((fate) => fate.explained).length;
  console.log(`${fates.length} synchronisation mutants: ${caught} caught, ${explained} explained, ${fates.length - caught - explained} survived`);
  if (caught + explained < fates.length) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
