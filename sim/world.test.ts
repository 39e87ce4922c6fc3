/** The generated world: the same for the same seed, in order, within its bounds. */
import { describe, expect, test } from "vitest";
import { offsetOf } from "../spec/layout.ts";
import { generateWorld, type WorldOptions } from "./world.ts";

const OPTIONS: WorldOptions = { seed: 7, tasks: 3000, events: 5000, cpus: 4, points: [{ provider: "kprobe", target: "do_sys_openat2" }, { provider: "kprobe", target: "vfs_read" }] };

describe("generateWorld", () => {
  const world = generateWorld(OPTIONS);

  test("with the same options makes the same world, with another seed another", () => {
    expect(generateWorld(OPTIONS)).toEqual(world);
    expect(generateWorld({ ...OPTIONS, seed: 8 }).events[0]).not.toEqual(world.events[0]);
  });

  test("makes as many tasks and events as were asked for, thousands of them", () => {
    expect(world.tasks).toHaveLength(3000);
    expect(world.events).toHaveLength(5000);
    expect(new Set(world.tasks.map(({ tid }) => tid)).size).toBe(3000);
  });

  test("makes events in order of time, on its CPUs, at the program's points only", () => {
    expect(world.events.every((event, i) => i === 0 || event.time_ns > world.events[i - 1]!.time_ns)).toBe(true);
    expect(new Set(world.events.map(({ cpu }) => cpu))).toEqual(new Set([0, 1, 2, 3]));
    expect(new Set(world.events.map(({ target }) => target))).toEqual(new Set(["do_sys_openat2", "vfs_read"]));
  });

  test("gives events to tasks of its own, with pointers into their maps but for a few that are bad", () => {
    const byTid = new Map(world.tasks.map((task) => [task.tid, task]));
    let bad = 0;
    for (const { seen } of world.events) {
      const view = new DataView(seen.buffer);
      const task = byTid.get(view.getUint32(offsetOf("event", "tid"), true));
      expect(task).toBeDefined();
      const pointer = view.getBigUint64(offsetOf("event", "args") + 8, true);
      if (!task!.maps.some(({ begin, end }) => pointer >= begin && pointer < end)) bad++;
    }
    expect(bad).toBeGreaterThan(20);
    expect(bad).toBeLessThan(300);
  });

  test("without points has no events", () => {
    expect(generateWorld({ ...OPTIONS, points: [] }).events).toEqual([]);
  });
});
