/**
 * Runs mutants: each in a process of its own with a time limit, because a broken loop never ends by itself.
 *
 * `tsx properties/mutate.ts [--seed N] [--sample N] [--all]` runs a sample of the list and prints the score.
 * Siblings: mutants.ts makes them, verify.ts judges them.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { runtimeSources, type RuntimeSources } from "../spec/runtime.ts";
import { loadModel } from "./model.ts";
import { allMutants, plant, type Mutant } from "./mutants.ts";
import { verify, type Divergence } from "./verify.ts";
import { wasmTargets } from "./wasm.ts";

/** Operations after which a mutant has survived. */
const OPERATIONS = 100_000;
const MUTANT_MS_MAX = 60_000;

export interface Fate {
  readonly mutant: Mutant;
  /** `hang`: it never ended, which is a way of being caught, but leaves nothing to shrink. */
  readonly outcome: "caught" | "survived" | "hang" | "does not compile";
  readonly divergence?: Divergence;
}

/** A sample of a list without repetition, the same for the same seed. */
export function sample<T>(list: readonly T[], count: number, seed: number): T[] {
  const rest = [...list];
  const random = xoroshiro128plus(seed);
  return Array.from({ length: Math.min(count, list.length) }, () => rest.splice((random.next() >>> 0) % rest.length, 1)[0]!);
}

/** What becomes of a mutant under the operations of a seed. */
export function runMutant(mutant: Mutant, seed: number): Fate {
  const child = spawnSync(process.execPath, ["--import", "tsx", fileURLToPath(import.meta.url), "--one", mutant.name, "--seed", String(seed)], { timeout: MUTANT_MS_MAX, encoding: "utf8" });
  if (child.error) return { mutant, outcome: "hang" };
  if (child.status !== 0) throw new Error(`The run of mutant ${mutant.name} failed: ${child.stderr.slice(0, 2000)}`);
  return { mutant, ...(JSON.parse(child.stdout) as Omit<Fate, "mutant">) };
}

async function judge(runtime: RuntimeSources, mutant: Mutant, seed: number): Promise<Omit<Fate, "mutant">> {
  const target = await wasmTargets(plant(runtime, mutant)).catch(() => undefined);
  if (!target) return { outcome: "does not compile" };
  const { divergence } = await verify({ operations: OPERATIONS, seed, model: await loadModel(), target });
  return divergence ? { outcome: "caught", divergence } : { outcome: "survived" };
}

function score(fates: readonly Fate[]): string {
  const count = (outcome: Fate["outcome"]): number => fates.filter((fate) => fate.outcome === outcome).length;
  const valid = fates.length - count("does not compile");
  return `${valid} mutants: ${count("caught")} caught, ${count("hang")} hung, ${count("survived")} survived`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { one: { type: "string" }, seed: { type: "string", default: "1" }, sample: { type: "string", default: "40" }, all: { type: "boolean" } } });
  const seed = Number(values.seed);
  const runtime = runtimeSources("wasm32");
  const mutants = allMutants(runtime);
  if (values.one !== undefined) {
    const mutant = mutants.find((candidate) => candidate.name === values.one);
    if (!mutant) throw new Error(`There is no mutant ${values.one}`);
    process.stdout.write(JSON.stringify(await judge(runtime, mutant, seed)));
    return;
  }
  const fates: Fate[] = [];
  for (const mutant of values.all ? mutants : sample(mutants, Number(values.sample), seed)) {
    const fate = runMutant(mutant, seed);
    fates.push(fate);
    console.log(`${fate.outcome.padEnd(10)} ${fate.divergence ? `${fate.divergence.trace.length} operations` : ""} ${mutant.name}: ${mutant.before.trim()}  =>  ${mutant.after.trim()}`);
  }
  console.log(`${score(fates)} (seed ${seed}, of ${mutants.length})`);
  if (fates.some((fate) => fate.outcome === "survived")) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
