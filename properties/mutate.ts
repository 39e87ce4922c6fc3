/**
 * Runs mutants of the C and prints the score: `npm run mutants -- [--seed N] [--sample N] [--all] [--only TEXT] [--jobs N]`.
 *
 * Siblings: mutants.ts makes them and names those that no test can see, mutant-stages.ts is what must catch them;
 * docs/mutants.md has the score.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { runtimeSources } from "../spec/runtime.ts";
import { MutantBench, STAGES, type Outcome, type Stage } from "./mutant-stages.ts";
import { allMutants, equivalenceOf, type Mutant } from "./mutants.ts";

/** Mutants of a run, those that do not compile not counted. */
const SAMPLE = 200;
const JOBS = 2;
/** Percent. */
export const KILLED_MIN = 95;
export const EQUIVALENT_MAX = 5;

/** A sample of a list without repetition, the same for the same seed. */
export function sample<T>(list: readonly T[], count: number, seed: number): T[] {
  const rest = [...list];
  const random = xoroshiro128plus(seed);
  return Array.from({ length: Math.min(count, list.length) }, () => rest.splice((random.next() >>> 0) % rest.length, 1)[0]!);
}

export interface Fate {
  readonly mutant: Mutant;
  readonly outcome: Outcome;
  /** Why it is called equivalent, if it is. */
  readonly reason: string | undefined;
}

/** Tries a mutant. One that is called equivalent is tried, too, but not on the machine. */
export async function tryMutant(bench: MutantBench, mutant: Mutant, last: Stage = "machine"): Promise<Fate> {
  const reason = equivalenceOf(mutant)?.reason;
  return { mutant, outcome: await bench.run(mutant, reason === undefined ? last : "watched"), reason };
}

/** Runs mutants of a list, several at once, until so many of them have compiled. */
export async function tryMutants(bench: MutantBench, list: readonly Mutant[], { count = Infinity, jobs = JOBS, last = "machine" as Stage, report = (_fate: Fate): void => {} } = {}): Promise<Fate[]> {
  const fates: Fate[] = [];
  let next = 0;
  let pending = 0;
  const work = async (): Promise<void> => {
    while (next < list.length && fates.length + pending < count) {
      const mutant = list[next++]!;
      pending++;
      const fate = await tryMutant(bench, mutant, last);
      pending--;
      if (fate.outcome.outcome === "does not compile") continue;
      fates.push(fate);
      report(fate);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return fates;
}

export interface Score {
  readonly mutants: number;
  readonly killed: Readonly<Record<Stage, number>>;
  readonly equivalent: number;
  readonly survived: readonly Mutant[];
  /** Called equivalent, but killed. */
  readonly misnamed: readonly Mutant[];
  /** Percent of those that are not equivalent. */
  readonly percent: number;
}

export function scoreOf(fates: readonly Fate[]): Score {
  const killedBy = (stage: Stage): number => fates.filter(({ outcome, reason }) => reason === undefined && outcome.outcome === "killed" && outcome.stage === stage).length;
  const killed = Object.fromEntries(STAGES.map((stage) => [stage, killedBy(stage)])) as Record<Stage, number>;
  const equivalent = fates.filter(({ reason }) => reason !== undefined).length;
  const all = STAGES.reduce((sum, stage) => sum + killed[stage], 0);
  return {
    mutants: fates.length,
    killed,
    equivalent,
    survived: fates.filter(({ outcome, reason }) => reason === undefined && outcome.outcome === "survived").map(({ mutant }) => mutant),
    misnamed: fates.filter(({ outcome, reason }) => reason !== undefined && outcome.outcome === "killed").map(({ mutant }) => mutant),
    percent: (100 * all) / Math.max(1, fates.length - equivalent),
  };
}

export function formatFate({ mutant, outcome, reason }: Fate): string {
  const what = outcome.outcome === "killed" ? `${reason === undefined ? "killed" : "MISNAMED"} by ${outcome.stage} (${outcome.how})` : reason === undefined ? "SURVIVED" : `equivalent (${reason})`;
  return `${what} ${mutant.name}: ${mutant.before.trim()}  =>  ${mutant.after.trim()}`;
}

function formatScore({ mutants, killed, equivalent, survived, percent }: Score): string {
  const stages = STAGES.map((stage) => `${killed[stage]} by ${stage}`).join(", ");
  return `${mutants} mutants: killed ${stages}; ${equivalent} equivalent (${((100 * equivalent) / Math.max(1, mutants)).toFixed(1)} %), ${survived.length} survived: ${percent.toFixed(1)} % killed`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seed: { type: "string", default: "1" }, sample: { type: "string", default: String(SAMPLE) }, all: { type: "boolean", default: false }, only: { type: "string" }, jobs: { type: "string", default: String(JOBS) }, native: { type: "boolean", default: false } },
  });
  const mutants = allMutants(runtimeSources("native"));
  const { only } = values;
  const chosen = only !== undefined ? mutants.filter(({ name }) => name.includes(only)) : values.all ? mutants : sample(mutants, mutants.length, Number(values.seed));
  const count = values.all || only !== undefined ? Infinity : Number(values.sample);
  const begun_ms = performance.now();
  const bench = await MutantBench.create();
  try {
    let made = 0;
    const fates = await tryMutants(bench, chosen, { count, jobs: Number(values.jobs), last: values.native ? "watched" : "machine", report: (fate) => console.log(`${++made} ${formatFate(fate)}`) });
    const score = scoreOf(fates);
    for (const mutant of score.survived) console.log(`survived: ${mutant.name}: ${mutant.before.trim()}  =>  ${mutant.after.trim()}`);
    for (const mutant of score.misnamed) console.log(`killed, though called equivalent: ${mutant.name}`);
    console.log(`${formatScore(score)} (seed ${values.seed}, of ${mutants.length} places, ${((performance.now() - begun_ms) / 60_000).toFixed(1)} minutes)`);
    if (score.misnamed.length > 0 || score.percent < KILLED_MIN || (score.mutants >= SAMPLE && score.equivalent * 100 > EQUIVALENT_MAX * score.mutants)) process.exitCode = 1;
  } finally {
    await bench.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
