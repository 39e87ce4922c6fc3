/** Synchronisation mutants: a seeded sample is caught; `npm run mutants:sync` tries them all. */
import { describe, expect, test } from "vitest";
import { runtimeSources } from "../spec/runtime.ts";
import { sample } from "./mutate.ts";
import { explanationOf, syncMutants } from "./sync-mutants.ts";
import { failureOfPrograms, trySyncMutant } from "./sync-mutate.ts";

const SEED = Number(process.env["STP_SEED"] ?? 1);
const SAMPLE = 4;

describe(`with seed ${SEED}`, { timeout: 300_000 }, () => {
  const runtime = runtimeSources("wasm32");
  const mutants = syncMutants(runtime);

  test("there is a mutant for each barrier, lock, interrupt-off, preemption-off, busy check and free", () => {
    expect(mutants.length).toBeGreaterThan(60);
    const names = mutants.map(({ name }) => name.replace(/^\S+ /, ""));
    for (const name of ["barrier is lost", "acquire is lost", "release is lost", "lock is not taken", "interrupts stay on", "preemption stays on", "nesting is not looked at", "memory is not given back", "it always answers EBUSY"]) expect(names).toContain(name);
  });

  test("the runtime as it is passes all that a mutant is tried with", async () => {
    expect(await failureOfPrograms(runtime)).toBeUndefined();
  });

  test.each(sample(mutants.filter((mutant) => explanationOf(mutant) === undefined), SAMPLE, SEED))("$name is caught", async (mutant) => {
    expect((await trySyncMutant(runtime, mutant)).caught).toBeDefined();
  });
});
