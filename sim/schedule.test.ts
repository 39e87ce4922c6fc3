/** The schedule string: what it may say, and how it is refused. */
import { expect, test } from "vitest";
import { StpError } from "../spec/errors.ts";
import { formatSchedule, parseSchedule, SCHEDULE_STEPS_MAX, type ScheduleStep } from "./schedule.ts";

test("a schedule reads and writes as sim/litmus/README.md spells it", () => {
  const steps = parseSchedule("T0:2  I1:*\nT0");
  expect(steps).toEqual([
    { context: "T0", until: 2 },
    { context: "I1", until: "end" },
    { context: "T0", until: "end" },
  ]);
  expect(formatSchedule(steps)).toBe("T0:2 I1:* T0");
  expect(parseSchedule("  ")).toEqual([]);
  expect(formatSchedule([])).toBe("");
});

test.each<[string, ScheduleStep]>([
  ["T0:1", { context: "T0", until: 1 }],
  ["S12:999999999", { context: "S12", until: 999_999_999 }],
  ["I3:*", { context: "I3", until: "end" }],
  ["N9999:~", { context: "N9999", until: "spin" }],
  ["T0@1:5", { context: "T0", until: 5, cpu: 1 }],
  ["T0@63:*", { context: "T0", until: "end", cpu: 63 }],
  ["T0@0:~", { context: "T0", until: "spin", cpu: 0 }],
])("the step %s", (text, step) => {
  expect(parseSchedule(text)).toEqual([step]);
  expect(formatSchedule([step])).toBe(text);
});

test("bare is to the end, and so written where the context has begun", () => {
  expect(parseSchedule("T0 T1@2")).toEqual([{ context: "T0", until: "end" }, { context: "T1", until: "end", cpu: 2 }]);
  expect(formatSchedule(parseSchedule("T0:3 T1@2 T0 T0@1"))).toBe("T0:3 T1@2:* T0 T0@1");
});

test("d# and c# belong to the step before them, once each", () => {
  const text = "T0:3 d#0 T1@1:~ c#12 T0 d#999999999";
  const steps = parseSchedule(text);
  expect(steps).toEqual([
    { context: "T0", until: 3, hold: { kind: "d", store: 0 } },
    { context: "T1", until: "spin", cpu: 1, hold: { kind: "c", store: 12 } },
    { context: "T0", until: "end", hold: { kind: "d", store: 999_999_999 } },
  ]);
  expect(formatSchedule(steps)).toBe(text);
});

const EXPECTED = 'expected a context such as T0, S1, I2 or N3, perhaps "@" and a CPU, then nothing, ":*", ":~" or ":" and a count from 1; or "d#" or "c#" and a store after a step';

test.each([
  ["T0:2 X1", "X1", 6],
  ["T0:0", "T0:0", 1],
  ["T0:01", "T0:01", 1],
  ["T0: 2", "T0:", 1],
  ["T0:2 I1:** T0", "I1:**", 6],
  ["T0:1000000000", "T0:1000000000", 1],
  ["T12345", "T12345", 1],
  ["t0", "t0", 1],
  ["T", "T", 1],
  ["T0@", "T0@", 1],
  ["T0@100", "T0@100", 1],
  ["T0:1@1", "T0:1@1", 1],
  ["d#0 T0", "d#0", 1], // of no step
  ["T0 d#0 d#1", "d#1", 8], // a second one
  ["T0 d#", "d#", 4],
  ["T0 e#1", "e#1", 4],
  ["T0 d#1234567890", "d#1234567890", 4],
])("%j is refused in one sentence with the position", (text, word, column) => {
  expect(() => parseSchedule(text)).toThrow(new StpError(`Bad step "${word}" at column ${column} of the schedule: ${EXPECTED}`));
});

test("a schedule has so many steps at most", () => {
  expect(parseSchedule("T0:1 ".repeat(SCHEDULE_STEPS_MAX))).toHaveLength(SCHEDULE_STEPS_MAX);
  expect(() => parseSchedule("T0 ".repeat(SCHEDULE_STEPS_MAX + 1))).toThrow(`A schedule has at most ${SCHEDULE_STEPS_MAX} steps, this one has ${SCHEDULE_STEPS_MAX + 1}`);
});
