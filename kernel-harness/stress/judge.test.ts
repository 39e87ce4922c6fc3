/** What is judged wrong in a report, and what is not. */
import { expect, test } from "vitest";
import { judgeReport } from "./judge.ts";

const none = " full=0 busy=0 nested=0 budget=0 fault=0 transport=0 error=0";
const KINDS = ["hit", "map", "string", "record"];

const REPORT = [
  ...KINDS.map((kind) => `ledger cpu=0 probe=0 kind=${kind} attempted=10 delivered=10${none}`),
  "ledger_more cpu=0 probe=0 cut=3 evicted=2",
  ...KINDS.map((kind) => `own cpu=0 probe=0 kind=${kind} attempted=10 delivered=${kind === "record" ? 8 : 10}${none}`),
  "own_more cpu=0 probe=0 hidden=2 walks=1 cut=2 cut_more=1",
  `outside cpu=0 probe=1 kind=map attempted=0 delivered=0${none}`,
  "nmi cpu=0 sent=9 handled=9 in_call=8 in_module=7 irqs_off=6 in_ring=5",
  "sum name=shared added=18446744073709551615 shown=1 left=18446744073709551614 entries=2",
  "own_stats name=single count=2 sum=3 sumsq=5 min=1 max=2 bucketed=2",
  "stats name=single count=2 sum=3 sumsq=5 min=1 max=2 bucketed=2",
  "wrap name=recent made=7 entries=5",
  "read cpu=0 probe=0 records=10",
  "ring cpu=0 bytes=80 head=80 committed=80 tail=80 nest=0 errors=0 backwards_ns_max=0",
  "calls call=map_add level=nmi 0=3 1=1 2=0",
  "wrong what=record_gap n=0",
  "end",
  "",
].join("\n");

const problemsWith = (from: string, to: string): string[] => {
  expect(REPORT).toContain(from);
  return judgeReport(REPORT.replace(from, to), 8).problems;
};

test("a report in which everything agrees has no problem", () => {
  const { problems, figures } = judgeReport(REPORT, 8);
  expect(problems).toEqual([]);
  expect(figures).toMatchObject({ calls: 4, nmis_in_call: 8, records: 10, reached: 2 });
});

test("a report that is missing or ends early is the problem", () => {
  expect(judgeReport("", 0).problems).toEqual(["The module gave no report, or only part of one"]);
  expect(judgeReport(REPORT.replace("end\n", ""), 8).problems).toHaveLength(1);
});

test.each([
  ["a row that does not add up", "kind=hit attempted=10 delivered=10", "kind=hit attempted=10 delivered=9", /^CPU 0, probe 0, kind hit: attempted 10 is not delivered 9 \+ lost 0$/],
  ["a hit that was not counted", "own cpu=0 probe=0 kind=hit attempted=10 delivered=10", "own cpu=0 probe=0 kind=hit attempted=11 delivered=11", /attempted is 10 in the ledger and 11 in our own books/],
  ["a map call of nobody", "own cpu=0 probe=0 kind=map attempted=10 delivered=10", "own cpu=0 probe=0 kind=map attempted=9 delivered=9", /kind map: delivered is 1 more in the ledger/],
  ["more records than were offered", "hidden=2", "hidden=1", /kind record: delivered is 10 in the ledger and 8 to 9/],
  ["more cuts than there may be", "cut=3", "cut=4", /4 texts were cut by the ledger, 2 to 3/],
  ["a sum that lost something", "shown=1 ", "shown=0 ", /^Map shared: 18446744073709551615 was added, but 0 was shown/],
  ["a bucket that lost something", "max=2 bucketed=2\nwrap", "max=2 bucketed=1\nwrap", /^Statistics single: bucketed is 1/],
  ["an eviction that was not counted", "evicted=2", "evicted=1", /^Map recent: 7 entries were made/],
  ["a record that did not arrive", "records=10", "records=9", /10 records were delivered, 9 were read/],
  ["a ring that did not publish all", "committed=80", "committed=40", /the ring ends at head 80, committed 40/],
  ["what must never be seen", "what=record_gap n=0", "what=record_gap n=1", /^record gap: 1 times$/],
  ["too few nmis in calls", "in_call=8", "in_call=7", /^Only 7 of 9 nmis landed inside a call/],
])("%s is a problem", (_, from, to, problem) => {
  expect(problemsWith(from, to).some((text) => problem.test(text)), problemsWith(from, to).join("\n")).toBe(true);
});
