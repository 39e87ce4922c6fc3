/** The model against SEMANTICS.md: worked examples with literal results. S: statistics. */
import { beforeAll, describe, expect, test } from "vitest";
import { INT64_MAX, INT64_MIN, NAMED, SIZES, TASK, TIMES, WORD, enter, entries, get, key, level, loadModels, onCpu, outputs, printHist, run, runRoomy, sample, times, type Part } from "./testing.ts";

beforeAll(loadModels, 120_000);

describe("S: statistics", () => {
  const stats = (...values: (bigint | number)[]): string => (run(...values.map((value) => sample(NAMED, key("a"), value))), entries("named")[0] ?? "");

  test("S1 count, sum of 128 bits, extremes and sum of squares", () => {
    expect(stats(3, -5, 4)).toBe('["a"] count 3 sum 2 min -5 max 4 sumsq 50');
    expect(stats(INT64_MIN)).toBe(`["a"] count 1 sum ${INT64_MIN} min ${INT64_MIN} max ${INT64_MIN} sumsq ${2n ** 126n}`);
    expect(stats(INT64_MAX, INT64_MAX, INT64_MAX)).toBe(`["a"] count 3 sum ${3n * INT64_MAX} min ${INT64_MAX} max ${INT64_MAX} sumsq ${3n * INT64_MAX ** 2n}`);
    expect(stats(INT64_MIN, INT64_MIN, INT64_MIN, -1)).toBe(`["a"] count 4 sum ${3n * INT64_MIN - 1n} min ${INT64_MIN} max -1 sumsq ${3n * 2n ** 126n + 1n}`);
    expect(stats(-1, 1)).toBe('["a"] count 2 sum 0 min -1 max 1 sumsq 2');
  });

  test("S1 sumsq stays at 2^128 - 1 once it would exceed that", () => {
    expect(stats(...times(4, INT64_MIN))).toBe(`["a"] count 4 sum ${4n * INT64_MIN} min ${INT64_MIN} max ${INT64_MIN} sumsq ${2n ** 128n - 1n}`);
    expect(stats(...times(4, INT64_MIN), 0, 1)).toMatch(new RegExp(`sumsq ${2n ** 128n - 1n}$`));
    expect(stats(...times(4, INT64_MAX), INT64_MAX)).toMatch(new RegExp(`sumsq ${2n ** 128n - 1n}$`));
    expect(stats(...times(4, INT64_MAX))).toMatch(new RegExp(`sumsq ${4n * INT64_MAX ** 2n}$`));
  });

  test.each([
    [0n, 64],
    [1n, 65],
    [2n, 66],
    [3n, 66],
    [4n, 67],
    [INT64_MAX, 127],
    [2n ** 62n, 127],
    [2n ** 62n - 1n, 126],
    [-1n, 63],
    [-2n, 62],
    [-3n, 62],
    [-4n, 61],
    [INT64_MIN + 1n, 1],
    [INT64_MIN, 0],
  ])("S4 %d falls into log bucket %d", (value, bucket) => {
    run(sample(TIMES, [], value));
    expect(entries("times")[0]).toMatch(new RegExp(` buckets ${bucket}:1$`));
  });

  test.each([
    [INT64_MIN, 0],
    [-1n, 0],
    [0n, 1],
    [4n, 1],
    [5n, 2],
    [20n, 5],
    [24n, 5],
    [25n, 6],
    [INT64_MAX, 6],
  ])("S5 %d falls into bucket %d of 0 to 20 by 5", (value, bucket) => {
    run(sample(SIZES, key("a"), value));
    expect(entries("sizes")[0]).toMatch(new RegExp(` buckets ${bucket}:1$`));
  });

  test("S4 S5 O6 buckets count; those that are 0 are not dumped", () => {
    run(...[1, 1, -1, 100, 1].map((value) => sample(TIMES, [], value)));
    expect(entries("times")[0]).toMatch(/ buckets 63:1 65:3 71:1$/);
  });

  const RULE = "-".repeat(50);
  /** The text that print_hist leaves in a large print buffer. */
  function histogram(map: number, parts: Part[], values: readonly (bigint | number)[]): string[] {
    const samples = values.map((value) => sample(map, key(...parts), value));
    expect(runRoomy(...samples, enter(0), printHist(map, ...parts)).at(-1)).toBe(0n);
    return (level(TASK).match(/ text "(.*)"$/)?.[1] ?? "").split("\\x0a");
  }
  /** A bar and its count, which end in the same column. */
  const bar = (label: string, length: number, count: number, width = 52): string => `${label} |${"@".repeat(length)}${`${count}`.padStart(width - length)}`;

  test("S6 a linear histogram has rows from two before to two after what is not empty, its outer buckets only then", () => {
    expect(histogram(SIZES, ["a"], [3, 3, 7, 30])).toEqual([
      `value |${RULE} count`,
      "    0 |@@                                                 2",
      "    5 |@                                                  1",
      "   10 |                                                   0",
      "   15 |                                                   0",
      "   20 |                                                   0",
      "  >20 |@                                                  1",
      "",
      "",
    ]);
    expect(histogram(SIZES, ["a"], [12])).toEqual([`value |${RULE} count`, ...["    0", "    5"].map((label) => bar(label, 0, 0)), bar("   10", 1, 1), ...["   15", "   20"].map((label) => bar(label, 0, 0)), "", ""]);
    expect(histogram(SIZES, ["a"], [-7, -8])).toEqual([`value |${RULE} count`, bar("   <0", 2, 2), bar("    0", 0, 0), bar("    5", 0, 0), "", ""]);
    expect(histogram(SIZES, ["a"], [25])).toEqual([`value |${RULE} count`, bar("   15", 0, 0), bar("   20", 0, 0), bar("  >20", 1, 1), "", ""]);
    expect(histogram(SIZES, ["a"], [20])).toEqual([`value |${RULE} count`, bar("   10", 0, 0), bar("   15", 0, 0), bar("   20", 1, 1), "", ""]);
  });

  test("S6 a log histogram from 0 on does not go below it; rows far from all samples are one line", () => {
    expect(histogram(TIMES, [], [0, 1, 1, 3, 1000])).toEqual([
      `value |${RULE} count`,
      bar("    0", 1, 1),
      bar("    1", 2, 2),
      bar("    2", 1, 1),
      bar("    4", 0, 0),
      bar("    8", 0, 0),
      "      ~",
      bar("  128", 0, 0),
      bar("  256", 0, 0),
      bar("  512", 1, 1),
      bar(" 1024", 0, 0),
      bar(" 2048", 0, 0),
      "",
      "",
    ]);
    expect(histogram(TIMES, [], [3])[1]).toBe(bar("    0", 0, 0)); // bucket 66, two rows before it
    expect(histogram(TIMES, [], [2 ** 20])[1]).toBe(bar(" 262144", 0, 0)); // 2^18; 4194304 is the last
  });

  test("S6 negative buckets are named by their value nearest to 0", () => {
    expect(histogram(TIMES, [], [-1, -5])).toEqual([
      `value |${RULE} count`,
      ...["  -16", "   -8"].map((label) => bar(label, 0, 0)),
      bar("   -4", 1, 1),
      bar("   -2", 0, 0),
      bar("   -1", 1, 1),
      ...["    0", "    1"].map((label) => bar(label, 0, 0)),
      "",
      "",
    ]);
  });

  test("S6 the first and last bucket; labels make the column wider", () => {
    expect(histogram(TIMES, [], [INT64_MIN, INT64_MAX])).toEqual([
      `${" ".repeat(15)}value |${RULE} count`,
      bar("-9223372036854775808", 1, 1),
      bar("-4611686018427387904", 0, 0),
      bar("-2305843009213693952", 0, 0),
      `${" ".repeat(20)} ~`,
      bar(" 1152921504606846976", 0, 0),
      bar(" 2305843009213693952", 0, 0),
      bar(" 4611686018427387904", 1, 1),
      "",
      "",
    ]);
  });

  test("S6 bars are scaled to at most 50 columns", () => {
    expect(histogram(TIMES, [], [...times(50, 1), 0]).slice(1, 3)).toEqual([bar("    0", 1, 1, 53), bar("    1", 50, 50, 53)]);
    expect(histogram(TIMES, [], [...times(51, 1), 0]).slice(1, 3)).toEqual([bar("    0", 0, 1, 53), bar("    1", 25, 51, 53)]);
    expect(histogram(TIMES, [], [...times(101, 1), 0, 0, 0]).slice(1, 3)).toEqual([bar("    0", 1, 3, 54), bar("    1", 33, 101, 54)]);
  });

  test("S7 M13 statistics merge counts, sums, squares, extremes and buckets; a part without samples does not count", () => {
    run(sample(SIZES, key("a"), 3), onCpu(1, sample(SIZES, key("a"), -4)), onCpu(1, sample(SIZES, key("a"), 2)), get(SIZES, "a"));
    expect(outputs()).toEqual([0x5301n, 3n, 1n, 0n, -4n & WORD, 3n, 29n, 0n, 1n, 1n, 2n, 2n, 0n]);
    run(onCpu(1, sample(SIZES, key("a"), 3)), get(SIZES, "a"));
    expect(outputs()).toEqual([0x5301n, 1n, 3n, 0n, 3n, 3n, 9n, 0n, 2n, 1n, 0n]);
    const four = [0, 0, 1, 1].map((cpu) => onCpu(cpu, sample(TIMES, [], INT64_MIN)));
    run(...four, get(TIMES));
    expect(outputs()).toEqual([0x5301n, 4n, 0n, -2n & WORD, INT64_MIN & WORD, INT64_MIN & WORD, WORD, WORD, 1n, 4n, 0n]);
    run(onCpu(0, sample(TIMES, [], INT64_MAX)), onCpu(1, sample(TIMES, [], INT64_MAX)), get(TIMES));
    expect(outputs()).toEqual([0x5301n, 2n, -2n & WORD, 0n, INT64_MAX, INT64_MAX, 2n, 2n ** 63n - 2n, 128n, 2n, 0n]);
  });
});
