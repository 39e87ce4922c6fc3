import { create } from "xmlbuilder2";
import { describe, expect, test } from "vitest";
import { exitStatusOf, outcomeOf } from "../outcome.ts";
import type { Outcome, TestResult } from "../test.ts";
import { resultsJson } from "./json.ts";
import { junitXml } from "./junit.ts";
import { ktap } from "./ktap.ts";
import { resultTable } from "./table.ts";

function result(kernel: string, test: string, outcome: Outcome = "ok", facts: Partial<TestResult> = {}): TestResult {
  return { kernel, test, outcome, ms: 1500, problems: outcome === "ok" ? [] : ["it broke"], reports: [], figures: {}, artefacts: [], ...facts };
}

const RESULTS: readonly TestResult[] = [
  result("one", "boot"),
  result("one", "stress", "ok", { figures: { calls: 12 } }),
  result("two", "boot"),
  result("two", "stress", "failed", { reports: ["BUG: KASAN: <x>\n frame\u0000\u001b[1m"] }),
  result("two", "live", "not run", { ms: 0, problems: ["The guest ended before it began"] }),
  result("two", "a: 1", "ok", { group: "full" }),
  result("two", "a: 2", "failed", { group: "full" }),
  result("three", "fetch", "environment"),
];

describe("the worst of the outcomes decides", () => {
  test.each([
    [["ok", "ok"], "ok", 0],
    [["ok", "environment"], "environment", 2],
    [["environment", "failed"], "failed", 1],
    [["ok", "not run"], "not run", 2],
    [[], "not run", 2],
  ] as const)("%j: %s", (outcomes, worst, status) => {
    const results = outcomes.map((outcome) => ({ outcome }));
    expect(outcomeOf(results)).toBe(worst);
    expect(exitStatusOf(results)).toBe(status);
  });
});

test("KTAP has a plan, subtests with their diagnostics before them, and a line for each kernel", () => {
  expect(ktap(RESULTS)).toBe(`KTAP version 1
1..3
  KTAP version 1
  # Subtest: one
  1..2
  ok 1 boot # 1.5 s
  # stress: calls 12
  ok 2 stress # 1.5 s
ok 1 one # 3.0 s
  KTAP version 1
  # Subtest: two
  1..5
  ok 1 boot # 1.5 s
  # it broke
  # BUG: KASAN: <x>
  #  frame\u0000\u001b[1m
  not ok 2 stress # 1.5 s
  # The guest ended before it began
  ok 3 live # SKIP not run
  ok 4 a: 1 # 1.5 s
  # it broke
  not ok 5 a: 2 # 1.5 s
not ok 2 two # 6.0 s
  KTAP version 1
  # Subtest: three
  1..1
  # it broke
  not ok 1 fetch # ERROR environment
not ok 3 three # ERROR environment
`);
});

test("a description cannot be taken for a directive, or for more lines", () => {
  expect(ktap([result("k", "does # SKIP me\nnot ok 3 x")])).toContain("\n  ok 1 does \\# SKIP me not ok 3 x # 1.5 s\nok 1 k");
});

test("JUnit is XML that a reader understands: failures are not errors", () => {
  const read = create(junitXml(RESULTS)).toObject() as { testsuites: { "@tests": string; testsuite: Record<string, unknown>[] } };
  const { testsuites } = read;
  expect(testsuites).toMatchObject({ "@tests": "8", "@failures": "2", "@errors": "1", "@skipped": "1" });
  expect(testsuites.testsuite.map((suite) => [suite["@name"], suite["@tests"], suite["@failures"], suite["@errors"]])).toEqual([["one", "2", "0", "0"], ["two", "5", "2", "0"], ["three", "1", "0", "1"]]);
  const stress = (testsuites.testsuite[1]!["testcase"] as Record<string, Record<string, string>>[])[1]!;
  expect(stress["failure"]).toMatchObject({ "@message": "it broke" });
  expect(testsuites.testsuite[2]!["testcase"]).toMatchObject({ error: { "@message": "it broke" } });
  expect(junitXml(RESULTS)).toContain('<failure message="it broke">it broke\nBUG: KASAN: &lt;x&gt;\n frame??[1m</failure>');
});

test("JSON has every result under its kernel", () => {
  const read = JSON.parse(resultsJson(RESULTS)) as { kernels: { kernel: string; outcome: string; tests: unknown[] }[] };
  expect(read).toMatchObject({ outcome: "failed", exit_status: 1 });
  expect(read.kernels.map(({ kernel, outcome, tests }) => [kernel, outcome, tests.length])).toEqual([["one", "ok", 2], ["two", "failed", 5], ["three", "environment", 1]]);
  expect(read.kernels[0]!.tests[1]).toEqual({ test: "stress", outcome: "ok", seconds: 1.5, problems: [], reports: [], figures: { calls: 12 } });
});

test("the table has a line for each kernel, and one column for many tests of a group", () => {
  expect(resultTable(RESULTS)).toBe(`        boot      stress  live            full        fetch
one    1.5 s       1.5 s
two    1.5 s  FAIL 1.5 s     -  FAIL 1/2 3.0 s
three                                           ERROR 1.5 s
`);
  expect(resultTable(RESULTS, true)).toContain("\u001b[31m");
});
