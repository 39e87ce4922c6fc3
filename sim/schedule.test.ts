/** The schedule string. */
import { expect, test } from "vitest";
import { formatSchedule, parseSchedule } from "./schedule.ts";

test("a schedule reads and writes as sim/litmus/README.md spells it", () => {
  const steps = parseSchedule("T0:2  I1:*\nT0");
  expect(steps).toEqual([
    { context: "T0", until: 2 },
    { context: "I1", until: "end" },
    { context: "T0", until: "end" },
  ]);
  expect(formatSchedule(steps)).toBe("T0:2 I1:* T0");
  expect(parseSchedule("  ")).toEqual([]);
});

test.each([
  ["T0:2 X1", 'Bad step "X1" at column 6 of the schedule'],
  ["T0:0", 'Bad step "T0:0" at column 1 of the schedule'],
  ["T0: 2", 'Bad step "T0:" at column 1 of the schedule'],
  ["T0:2 I1:** T0", 'Bad step "I1:**" at column 6 of the schedule'],
])("%j is refused in one sentence with the position", (text, message) => {
  expect(() => parseSchedule(text)).toThrow(message);
});
