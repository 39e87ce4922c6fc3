/** The model over random operations: what holds whatever they are. */
import { beforeAll, describe, expect, test } from "vitest";
import { decodeBatch, encodeBatch } from "../operations.ts";
import { createGenerator } from "../generate.ts";
import { formatDump } from "../dump.ts";
import { loadModels, model, run } from "./testing.ts";

beforeAll(loadModels, 120_000);

describe("the model over random operations", () => {
  const SEED = 20_240_601;

  /** X4: attempted = delivered + lost + hits still active, in every row. */
  test("X4 every ledger row balances after each of 50 batches", () => {
    const generator = createGenerator(SEED);
    run();
    for (let i = 0; i < 50; i++) {
      model.run(generator.batch(1000));
      const dump = formatDump(model.dump());
      expect(openHits(dump)).toEqual(activeLevels(dump));
    }
  });

  test("results do not depend on how operations are split into batches", () => {
    const { operations } = decodeBatch(createGenerator(SEED).batch(2000));
    run();
    const whole = model.run(encodeBatch(operations, { fullEvery: 7 }));
    run();
    const halves = [operations.slice(0, 999), operations.slice(999)].map((half) => model.run(encodeBatch(half, { fullEvery: 7 })));
    expect(Buffer.concat(halves).equals(whole)).toBe(true);
  });
});

/** By ledger row: attempts that are neither delivered nor lost, rows without any left out. */
function openHits(dump: readonly string[]): Record<string, number> {
  const open: Record<string, number> = {};
  for (const line of dump) {
    const row = /^ledger (probe \w+ cpu\d)/.exec(line)?.[1];
    if (row === undefined) continue;
    const counts = [...line.matchAll(/(attempted|delivered|full|busy|nested|budget|fault|error|overwritten) (\d+)/g)];
    const sum = counts.reduce((total, [, name, count]) => total + (name === "attempted" ? Number(count) : -Number(count)), 0);
    if (sum !== 0) open[row] = sum;
  }
  return open;
}

/** By ledger row: levels whose probe is active. */
function activeLevels(dump: readonly string[]): Record<string, number> {
  const active: Record<string, number> = {};
  let cpu = "";
  for (const line of dump) {
    cpu = /^(cpu\d) active/.exec(line)?.[1] ?? cpu;
    const probe = /^ {2}level \w+ (probe \d)/.exec(line)?.[1];
    if (probe !== undefined) active[`${probe} ${cpu}`] = (active[`${probe} ${cpu}`] ?? 0) + 1;
  }
  return active;
}
