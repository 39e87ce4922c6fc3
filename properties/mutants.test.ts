/** The tests are tested: bugs planted in a copy of the C by rule are found; the whole list has its score in docs/mutants.md. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runtimeSources } from "../spec/runtime.ts";
import { loadModel } from "./model.ts";
import { MutantBench } from "./mutant-stages.ts";
import { EQUIVALENT_MAX, formatFate, sample, tryMutants } from "./mutate.ts";
import { allMutants, EQUIVALENT, equivalenceOf, plant, RULE_NAMES } from "./mutants.ts";
import { verify } from "./verify.ts";
import { wasmTargets } from "./wasm.ts";

/** Mutants of one run of this test. `npm run mutants -- --all` runs the whole list. */
const SAMPLE = 12;
/** Of so few, one or two may be among the 5 % that only the machine kills, which takes too long here, or that nothing does. */
const SURVIVORS_MAX = 2;
/** Operations of the longest trace that a planted bug may need. */
const TRACE_MAX = 6;

const seed = Number(process.env["STP_SEED"] ?? 1);
const runtime = runtimeSources("native");
const mutants = allMutants(runtime);

describe("allMutants", () => {
  test("makes some by each rule, in every unit of src and the headers that hold code", () => {
    for (const rule of RULE_NAMES) expect(mutants.some(({ name }) => name.includes(` ${rule}`)), rule).toBe(true);
    const paths = new Set(mutants.map(({ path }) => path));
    expect([...paths].sort()).toEqual([...runtime.core, "runtime-c/include/stp/map_core.h", "runtime-c/include/stp/stats.h"].sort());
  });

  test("names each once", () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  });

  test("makes none of comments, strings and directives", () => {
    const { core } = runtime;
    const copy = { ...runtime, files: { ...runtime.files, [core[0]!]: '/* a < b\n * c == 1\n */\n#define TWO (1 + 1)\n\tsay("1 < 2 && !x"); // 0 == 0\n' } };
    expect(allMutants(copy).filter(({ path }) => path === core[0]).map(({ name }) => name)).toEqual([`${core[0]}:5 statement is lost`]);
  });
});

test("plant changes one line and no other", () => {
  const mutant = mutants[0]!;
  const changed = plant(runtime, mutant).files[mutant.path]!.split("\n");
  const lines = runtime.files[mutant.path]!.split("\n");
  expect(changed.flatMap((line, index) => (line === lines[index] ? [] : [index + 1]))).toEqual([mutant.line]);
});

describe("EQUIVALENT", () => {
  test("names only mutants that there are, each entry at least one", () => {
    for (const entry of EQUIVALENT) expect(mutants.some((mutant) => equivalenceOf(mutant) === entry), `${entry.path} ${entry.line}`).toBe(true);
  });

  test(`names at most ${EQUIVALENT_MAX} % of all`, () => {
    expect(mutants.filter((mutant) => equivalenceOf(mutant)).length).toBeLessThanOrEqual((mutants.length * EQUIVALENT_MAX) / 100);
  });
});

describe("verify shrinks a planted bug", () => {
  test.each([
    ["map.c", "part->last = node->prev;", ";"],
    ["string.c", "while (index-- > 0);", "while (index-- > 1);"],
    ["text.c", "value = 0 - value;", "value = 1 - value;"],
  ])(`in %s, %j as %j, to at most ${TRACE_MAX} operations (STP_SEED=${seed})`, { timeout: 120_000 }, async (file, before, after) => {
    const path = `runtime-c/src/${file}`;
    const sources = runtimeSources("wasm32");
    const lines = sources.files[path]!.split("\n");
    const index = lines.findIndex((line) => line.includes(before));
    const target = await wasmTargets(plant(sources, { name: before, path, line: index + 1, before: lines[index]!, after: lines[index]!.replace(before, after) }));
    const { divergence } = await verify({ operations: 200_000, seed, model: await loadModel(), target });
    expect(divergence?.trace.length).toBeLessThanOrEqual(TRACE_MAX);
  });
});

describe(`of ${SAMPLE} mutants (STP_SEED=${seed})`, () => {
  let bench: MutantBench;
  beforeAll(async () => void (bench = await MutantBench.create()));
  afterAll(async () => bench.close());

  test(`at most ${SURVIVORS_MAX} survive replays and the watched world, and no equivalent one is killed`, { timeout: 300_000 }, async () => {
    const fates = await tryMutants(bench, sample(mutants, 2 * SAMPLE, seed), { count: SAMPLE, last: "watched" });
    expect(fates.filter(({ outcome, reason }) => outcome.outcome === "killed" && reason !== undefined).map(formatFate)).toEqual([]);
    const survivors = fates.filter(({ outcome, reason }) => outcome.outcome === "survived" && reason === undefined);
    expect(survivors.length, survivors.map(formatFate).join("\n")).toBeLessThanOrEqual(SURVIVORS_MAX);
  });
});
