/** M4, M7, M9, M10, M12, M14: all sequences of up to six operations on maps of two entries give what the model gives. */
import { describe, expect, test } from "vitest";
import { REPLAY_MAPS } from "../spec/protocol.ts";
import { runtimeSources } from "../spec/runtime.ts";
import { ALPHABETS, exhaust, SEQUENCE_MAX, type Alphabet } from "./exhaustive.ts";
import { loadModel } from "./model.ts";
import { plant } from "./mutants.ts";
import { wasmTargets } from "./wasm.ts";

const TEST_MS_MAX = 300_000;
const MAP_C = "runtime-c/src/map.c";

/** A copy of the C in which one line is another. */
function planted(before: string, after: string): ReturnType<typeof runtimeSources> {
  const runtime = runtimeSources("wasm32");
  const lines = runtime.files[MAP_C]!.split("\n");
  const index = lines.findIndex((line) => line.includes(before));
  if (index < 0) throw new Error(`${MAP_C} has no line with "${before}" any more: plant another bug`);
  return plant(runtime, { name: before, path: MAP_C, line: index + 1, before: lines[index]!, after: lines[index]!.replace(before, after) });
}

describe("all sequences", { timeout: TEST_MS_MAX }, () => {
  test.each(ALPHABETS.map((alphabet) => [alphabet.map, alphabet] as const))("on a map as %s agree with the model", async (map, alphabet) => {
    expect(REPLAY_MAPS.find(({ name }) => name === map)!.entries_max).toBe(2);
    const result = await exhaust({ alphabet, length: SEQUENCE_MAX, model: await loadModel(), target: await wasmTargets() });
    expect(result).toEqual({ sequences: alphabet.letters.length ** SEQUENCE_MAX, difference: undefined });
  });

  test.each([
    ["strings", "part->last = node->prev;", ";"],
    ["recent", "stp_map_remove(map, part, part->first);", "stp_map_remove(map, part, part->last);"],
  ] as const)("on %s find a planted bug, %j as %j, and show it by a shortest sequence", async (map, before, after) => {
    const alphabet = ALPHABETS.find((candidate) => candidate.map === map) as Alphabet;
    const target = await wasmTargets(planted(before, after));
    const { difference } = await exhaust({ alphabet, length: 4, model: await loadModel(), target });
    expect(difference?.trace.length).toBeLessThanOrEqual(4);
    expect(difference?.model).not.toBe(difference?.target);
  });
});
