/** shrink: on made-up failures, whose least form is known. */
import { expect, test } from "vitest";
import { bytes, operation, type Operation } from "./operations.ts";
import { shrink, TRIES_MAX, type Fails } from "./shrink.ts";

const noise = (count: number): Operation[] => Array.from({ length: count }, (_, i) => operation("map_get", { cpu: i % 2, target: i % 3, args: [BigInt(i)] }));

test("shrink of a failure that needs two operations in order leaves these two, as simple as they can be", async () => {
  const enter = operation("probe_enter", { cpu: 1, context: 2, target: 1 });
  const add = operation("map_add", { cpu: 1, context: 3, target: 1, value: 1000n, text: "unused", args: [77n, bytes("a long key")] });
  const fails: Fails = async (operations) => {
    const entered = operations.findIndex((op) => op.name === "probe_enter");
    return entered >= 0 && operations.slice(entered).some((op) => op.name === "map_add" && op.value >= 10n);
  };
  const shrunk = await shrink([...noise(300), enter, ...noise(200), add, ...noise(500)], fails);

  expect(shrunk.map((op) => op.name)).toEqual(["probe_enter", "map_add"]);
  expect(shrunk[0]).toMatchObject({ cpu: 0, context: 0 });
  expect(shrunk[1]).toMatchObject({ cpu: 0, context: 0, text: new Uint8Array(), args: [0n, new Uint8Array()] });
  expect(shrunk[1]!.value).toBeGreaterThanOrEqual(10n);
  expect(shrunk[1]!.value).toBeLessThan(20n); // halving may stop above the least value, not twice above it
});

test("shrink of a failure that needs so many operations keeps exactly so many", async () => {
  const shrunk = await shrink(noise(200), async (operations) => operations.filter((op) => op.name === "map_get").length >= 7);
  expect(shrunk).toHaveLength(7);
});

test("shrink of a list from which nothing can go gives it back", async () => {
  const list = [operation("probe_exit"), operation("map_clear")];
  expect(await shrink(list, async (operations) => operations.length >= 2)).toEqual(list);
});

test("shrink only ever returns a list that it saw fail", async () => {
  const failed = new Set<readonly Operation[]>();
  const fails: Fails = async (operations) => {
    const does = operations.filter((op) => op.target === 1).length >= 3;
    if (does) failed.add(operations);
    return does;
  };
  expect(failed.has(await shrink(noise(60), fails))).toBe(true);
});

test("shrink tries at most TRIES_MAX lists, then gives the least so far", async () => {
  let tries = 0;
  const list = noise(TRIES_MAX);
  const shrunk = await shrink(list, async (operations) => {
    tries++;
    return operations.length === list.length; // any simpler form, never a shorter one
  });
  expect(tries).toBe(TRIES_MAX);
  expect(shrunk).toHaveLength(list.length);
});
