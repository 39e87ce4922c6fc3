import { expect, test } from "vitest";
import { resultOfLine } from "./full.ts";
import type { TestLine } from "./lines-reporter.ts";

const line = (facts: Partial<TestLine>): TestLine => ({ file: "cli/x.guest.test.ts", test: "a > b", state: "passed", ms: 5, errors: [], ...facts });

test.each([
  ["passed", line({}), "ok", []],
  ["failed", line({ state: "failed", errors: ["expected 1 to be 2"] }), "failed", ["expected 1 to be 2"]],
  ["a mirror that is gone", line({ state: "failed", errors: ["Cannot fetch k: no mirror"] }), "environment", ["Cannot fetch k: no mirror"]],
  ["a command that says so", line({ state: "failed", errors: ["stp: Cannot find make: run …: expected 2 to be 0"] }), "environment", [expect.stringContaining("make")]],
  ["a guest that fails", line({ state: "failed", errors: ["Cannot run probe.c on k: The kernel reported: BUG: x"] }), "failed", ["Cannot run probe.c on k: The kernel reported: BUG: x"]],
  ["skipped", line({ state: "skipped" }), "failed", ["It was skipped"]],
] as const)("%s", (_what, given, outcome, problems) => {
  expect(resultOfLine("k", given)).toMatchObject({ kernel: "k", group: "full", test: "cli/x: a > b", outcome, problems, ms: 5 });
});
