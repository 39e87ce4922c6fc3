/** A replay in a guest: it agrees with the model, and each operation is made on the CPU that it names. Boots guests. */
import { expect, test } from "vitest";
import { createGenerator } from "../properties/generate.ts";
import { loadModel } from "../properties/model.ts";
import { decodeBatch } from "../properties/operations.ts";
import { REPLAY_CONFIG } from "../spec/protocol.ts";
import type { ModuleSource } from "./module.ts";
import { replayModule } from "./program.ts";
import { replayOnKernel } from "./replay.ts";
import { TESTED_KERNEL } from "./testing.ts";

const TEST_MS_MAX = 600_000;
const OPERATIONS = 20_000;
const FULL_EVERY = 256;

const batchOf = (seed: number): Uint8Array => createGenerator(seed).batch(OPERATIONS, FULL_EVERY).slice();
const options = { report: console.warn };

/** The module with one piece of it replaced; the piece must be there. */
function broken(piece: string, by: string): ModuleSource {
  const module = replayModule();
  const path = "kernel-harness/module/turns.c";
  const text = module.sources[path];
  if (typeof text !== "string" || !text.includes(piece)) throw new Error(`${path} has no "${piece}" to break`);
  return { ...module, sources: { ...module.sources, [path]: text.replace(piece, by) } };
}

test(
  "agrees with the model, on all CPUs, and says how fast it was",
  async () => {
    const batch = batchOf(3);
    const { results, dump, seconds, made } = await replayOnKernel(TESTED_KERNEL, batch, options);
    const model = await loadModel();
    expect(Buffer.compare(model.run(batch), results)).toBe(0);
    expect(Buffer.compare(model.dump(), dump)).toBe(0);
    expect(seconds).toBeGreaterThan(0);
    console.warn(`${Math.round(OPERATIONS / seconds)} operations a second in the guest`);
    const { operations } = decodeBatch(batch);
    expect(made.length).toBe(REPLAY_CONFIG.cpus);
    for (const [cpu, count] of made.entries()) {
      const named = operations.filter((operation) => operation.cpu === cpu).length;
      expect(count, `operations of CPU ${cpu}`).toBeGreaterThan(0.9 * named); // some are refused, and made nowhere
      expect(count, `operations of CPU ${cpu}`).toBeLessThanOrEqual(named);
    }
  },
  TEST_MS_MAX,
);

test(
  "whose thread is not on the CPU of its operations is refused",
  async () => {
    const module = broken("(void *)(unsigned long)cpu, cpu,", "(void *)(unsigned long)cpu, 0,");
    await expect(replayOnKernel(TESTED_KERNEL, batchOf(4), { ...options, module })).rejects.toThrow(/^Cannot replay on .*\d+ operations were made on another CPU than they name/);
  },
  TEST_MS_MAX,
);
