/** The tests are tested: bugs planted in a copy of the C by rule are found, and shrunk to a handful of operations. */
import { describe, expect, test } from "vitest";
import { runtimeSources } from "../spec/runtime.ts";
import { runMutant, sample } from "./mutate.ts";
import { allMutants, plant, RULES } from "./mutants.ts";

/** Mutants of one run of this test. `npm run mutants -- --all` runs the whole list. */
const SAMPLE = 10;
/** Operations of the longest trace that a planted bug may need. */
const TRACE_MAX = 6;

const seed = Number(process.env["STP_SEED"] ?? 1);
const runtime = runtimeSources("wasm32");
const mutants = allMutants(runtime);

test("allMutants makes at least 20 by rules, from bounds, counts, compares and lost statements", () => {
  expect(mutants.length).toBeGreaterThanOrEqual(20);
  for (const rule of ["less becomes less-or-equal", "increment becomes decrement", "equal becomes unequal", "statement is lost"]) {
    expect(RULES.map(({ name }) => name)).toContain(rule);
    expect(mutants.some(({ name }) => name.endsWith(rule)), rule).toBe(true);
  }
});

test("plant changes one line and no other", () => {
  const mutant = mutants[0]!;
  const changed = plant(runtime, mutant).files[mutant.path]!.split("\n");
  const lines = runtime.files[mutant.path]!.split("\n");
  expect(changed.flatMap((line, index) => (line === lines[index] ? [] : [index + 1]))).toEqual([mutant.line]);
});

describe(`verify finds a planted bug and shrinks it to at most ${TRACE_MAX} operations (STP_SEED=${seed})`, () => {
  test.each(sample(mutants, SAMPLE, seed).map((mutant) => [mutant.name, mutant] as const))("%s", (_name, mutant) => {
    const fate = runMutant(mutant, seed);
    expect(fate.outcome).toBe("caught");
    expect(fate.divergence!.trace.length).toBeLessThanOrEqual(TRACE_MAX);
  });
});
