/** stp verify: the runtime agrees with the model, and a seed says all. */
import { describe, expect, test } from "vitest";
import { LEGAL_CELLS, type CellReport } from "../properties/cells.ts";
import { createGenerator } from "../properties/generate.ts";
import { stp, TEST_MS_MAX } from "./testing.ts";
import { wrongCells } from "./verify.ts";

async function verify(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { status, stdout, stderr } = await stp(["verify", "--json", ...args]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/^\{.*\}\n$/);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe("stp verify", { timeout: TEST_MS_MAX }, () => {
  test("of 200,000 operations of seed 1 finds no divergence, and says so first to last", async () => {
    const { stdout } = await stp(["verify", "--ops", "200000", "--seed", "1", "--json"]);
    expect(stdout).toMatch(/^\{"ops":200000,.*"divergences":0,"cells":\{"reached":\d+,"legal":\d+,"missing":\[.*\]\}\}\n$/);
  });

  test("twice with one seed gives one answer", async () => {
    const answers = [];
    for (let run = 0; run < 2; run++) answers.push({ ...(await verify("--ops", "10000", "--seed", "7")), ops_per_s: undefined });
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject({ ops: 10_000, seed: 7, on: "sandbox", divergences: 0 });
  });

  test("of 1,000,000 operations reaches every result at every level that the rules allow", async () => {
    const { cells } = (await verify("--ops", "1000000", "--seed", "7")) as { cells: { reached: number; legal: number; missing: string[] } };
    expect(cells).toEqual({ reached: cells.legal, legal: cells.legal, missing: [] });
    expect(cells.legal).toBe(LEGAL_CELLS.length);
  });

  // No skip without gcc: the command then names Debian's packages, and the test fails with that sentence.
  test("on native, under sanitizers, finds no divergence", async () => {
    expect(await verify("--on", "native", "--ops", "50000")).toMatchObject({ ops: 50_000, on: "native", divergences: 0 });
  });
});

test("wrongCells: a result that no rule allows is wrong always, one that is missing only after 1,000,000 operations", () => {
  const cells = (missing: readonly string[], illegal: readonly string[] = []): CellReport => ({ reached: 1, legal: 2, missing, illegal });
  const wrong = (operations: number, report: CellReport): string | undefined => wrongCells({ operations, divergence: undefined, cells: report });
  expect(wrong(10, cells([], ["map_size ESTATE task"]))).toBe("these results are in no rule, each with the level at which it came: map_size ESTATE task");
  expect(wrong(999_999, cells(["map_add EFULL irq"]))).toBeUndefined();
  expect(wrong(1_000_000, cells([]))).toBeUndefined();
  expect(wrong(1_000_000, cells(["map_add EFULL irq"]))).toBe("1000000 operations did not reach 1 of the 2 legal results, each with its level: map_add EFULL irq");
});

test("a seed gives the same operations always, another seed others", () => {
  const batch = (seed: number): Buffer => Buffer.from(createGenerator(seed).batch(5000, 64));
  expect(batch(1).equals(batch(1))).toBe(true);
  expect(batch(1).equals(batch(2))).toBe(false);
});
