/** The model against SEMANTICS.md: worked examples with literal results. M: maps. */
import { beforeAll, describe, expect, test } from "vitest";
import { bytes, operation, type Argument, type Operation } from "../operations.ts";
import { formatDump } from "../dump.ts";
import { REPLAY_MAPS, SORTS, type OperationName, type SortName } from "../../spec/protocol.ts";
import { entryWords, expectDigest, ledgerWords, stringWords } from "./digest.ts";
import { EBUSY, EFULL, EINVAL, ENOENT, ESTATE, INT64_MAX, INT64_MIN, INTS, MIXED, NAMED, NINE, PAIRS, RECENT, SIZES, STRINGS, SUMS, TEXTS, TIMES, WORD, add, append, enter, entries, get, key, ledger, lines, loadModels, model, more, onCpu, onKey, onMap, outputs, printHist, printMap, push, pushText, run, sample, set, setText, times, walk, type Part } from "./testing.ts";

beforeAll(loadModels, 120_000);

describe("M: maps", () => {
  test("M1 a key of another number or types of parts returns EINVAL, and cuts nothing", () => {
    const ints = [add(INTS, key(), 1n), add(INTS, key(1, 2), 1n), add(INTS, key("a"), 1n)];
    const mixed = [add(MIXED, key("a", "b"), 1n), add(MIXED, key("a long string of 29 characters"), 1n)];
    expect(run(...ints, ...mixed)).toEqual(times(5, EINVAL));
    expect(run(add(INTS, key(...times(17, 1)), 1n), sample(TIMES, key(1), 1))).toEqual([EINVAL, EINVAL]);
    expect(ledger("probe none cpu0")).toBe("");
  });

  test("M1 string parts are cut to string_size - 1 bytes, equal after the cut, and counted by reads and refused calls too", () => {
    expect(run(add(STRINGS, key("abcdefg"), 1n), add(STRINGS, key("abcdefgh"), 2n), onKey("map_contains", STRINGS, key("abcdefgX")))).toEqual([0n, 0n, 1n]);
    more(onMap("map_hold", STRINGS), get(STRINGS, "abcdefgh"));
    expect(lines("map strings")).toEqual(["map strings", "part 0 size 1 held by cpu0", 'entry ["abcdefg"] 3']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 3 delivered 2 busy 1; cut 3");
  });

  test("M1 each cut part of nine counts, parts are compared each with its own", () => {
    const nine = (...[a, b, last]: [string, string, number]): Argument[] => key(1, a, 2, 3, b, 4, 5, 6, last);
    run(add(NINE, nine("12345678", "1234567X", 7), 1n), add(NINE, nine("1234567", "1234567", 7), 2n), add(NINE, nine("1234567", "123456", 7), 3n));
    expect(entries("nine")).toEqual(['[1, "1234567", 2, 3, "1234567", 4, 5, 6, 7] 3', '[1, "1234567", 2, 3, "123456", 4, 5, 6, 7] 3']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 3 delivered 3; cut 2");
    expect(more(get(NINE, 1, "1234567", 2, 3, "123456", 4, 5, 6, 8))).toEqual([0n]);
    expect(outputs()).toEqual([0n]);
  });

  test.each([
    ["map_add", [INTS, STRINGS, PAIRS, MIXED, NINE, RECENT, SUMS]],
    ["map_set", [INTS, STRINGS, PAIRS, MIXED, NINE, RECENT]],
    ["map_push", [INTS, RECENT]],
    ["map_set_string", [TEXTS]],
    ["map_append", [TEXTS]],
    ["map_push_string", [TEXTS]],
    ["map_stat_add", [NAMED, SIZES, TIMES]],
    ["map_get", REPLAY_MAPS.map((_, i) => i)],
    ["map_contains", REPLAY_MAPS.map((_, i) => i)],
    ["print_hist", [SIZES, TIMES]],
  ] as const)("M1 M13 M16 P6 %s fits maps %o and is EINVAL on all others", (name, fitting) => {
    const fits = (i: number): boolean => run(enter(0), onKey(name, i, key(...(REPLAY_MAPS[i]?.keys ?? []).map((type) => (type === "string" ? "k" : 1)))))[1] !== EINVAL;
    expect(REPLAY_MAPS.map((_, i) => i).filter(fits)).toEqual(fitting);
  });

  test("M2 EINVAL comes before EBUSY, EBUSY before ENOENT and EFULL", () => {
    const full = [1, 2, 3].map((part) => set(INTS, key(part), 0n));
    const held = [set(INTS, key(), 0n), walk(INTS, "key2"), onKey("map_del", INTS, key(9)), set(INTS, key(9), 0n), onKey("map_del_slice", INTS, key(9), 2n)];
    expect(run(...full, onMap("map_hold", INTS), ...held)).toEqual([0n, 0n, 0n, 0n, EINVAL, EINVAL, EBUSY, EBUSY, EINVAL]);
  });

  test("M3 M5 map_add makes an absent entry with 0 and wraps modulo 2^64", () => {
    run(add(INTS, key(7), INT64_MAX), add(INTS, key(7), 1n), add(INTS, key(8), INT64_MIN), add(INTS, key(8), -1n));
    expect(entries("ints")).toEqual([`[7] ${INT64_MIN}`, `[8] ${INT64_MAX}`]);
  });

  test("M3 M15 M8 an entry in the place of a removed one has nothing of it", () => {
    run(add(INTS, key(7), 5n), onKey("map_del", INTS, key(7)), add(INTS, key(8), 1n));
    expect(entries("ints")).toEqual(["[8] 1"]);
    run(setText(key(1), "old"), onKey("map_del", TEXTS, key(1)), append(key(2), "new"));
    expect(entries("texts")).toEqual(['[2] "new"']);
    run(sample(TIMES, [], 9), onMap("map_clear", TIMES), sample(TIMES, [], 1));
    expect(entries("times")).toEqual(["[] count 1 sum 1 min 1 max 1 sumsq 1 buckets 65:1"]);
  });

  test("M4 a new key in a full map returns EFULL and changes nothing; a key it has still works", () => {
    const results = run(add(STRINGS, key("a"), 1n), set(STRINGS, key("b"), 2n), add(STRINGS, key("c"), 3n), set(STRINGS, key("c"), 3n), add(STRINGS, key("a"), 4n));
    expect(results).toEqual([0n, 0n, EFULL, EFULL, 0n]);
    expect(entries("strings")).toEqual(['["a"] 5', '["b"] 2']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 5 delivered 3 full 2");
    const texts = [1, 2, 3].map((part) => setText(key(part), "x"));
    expect(run(...texts, setText(key(4), "too long text"), append(key(4), "too long text"), append(key(3), "y"))).toEqual([0n, 0n, 0n, EFULL, EFULL, 0n]);
    expect(ledger("probe none cpu0")).toBe("map: attempted 6 delivered 4 full 2");
    expect(run(...["a", "b", "c", "a"].map((part) => sample(NAMED, key(part), 1)))).toEqual([0n, 0n, EFULL, 0n]);
  });

  test("M4 M13 the parts of a per-CPU map are full each by itself", () => {
    const four = [1, 2, 3, 2].map((part) => add(SUMS, key(part), 1n));
    expect(run(...four, onCpu(1, add(SUMS, key(3), 1n)))).toEqual([0n, 0n, EFULL, 0n, 0n]);
    expect(run(sample(TIMES, [], 1), sample(TIMES, [], 1), ...["a", "b", "c"].map((part) => sample(SIZES, key(part), 1)))).toEqual([0n, 0n, 0n, 0n, EFULL]);
  });

  test("M6 a held map answers EBUSY to all but map_size, on both CPUs, until its holder gives it back", () => {
    const calls = [
      add(INTS, key(1), 1n),
      set(INTS, key(1), 1n),
      push(INTS, 1n),
      get(INTS, 1),
      onKey("map_contains", INTS, key(1)),
      onKey("map_del", INTS, key(1)),
      onKey("map_del_slice", INTS, key(1)),
      walk(INTS, "insertion"),
      onMap("map_clear", INTS),
      onMap("map_hold", INTS),
    ];
    run(set(INTS, key(1), 5n), onCpu(1, onMap("map_hold", INTS)));
    expect(more(...calls, ...calls.map((op) => onCpu(1, op)))).toEqual(times(20, EBUSY));
    const results = more(onMap("map_size", INTS), onMap("map_release", INTS), onCpu(1, onMap("map_release", INTS)), onCpu(1, onMap("map_release", INTS)));
    expect(results).toEqual([1n, ESTATE, 0n, ESTATE]);
    expect(lines("map ints")).toEqual(["map ints", "part 0 size 1", "entry [1] 5"]);
    expect(ledger("probe none cpu1")).toBe("map: attempted 9 busy 9");
  });

  test("M6 string and statistics calls, print_map and print_hist find a map held too", () => {
    const held = [TEXTS, NAMED, TIMES].map((map) => onMap("map_hold", map));
    const calls = [setText(key(1), "a"), append(key(1), "a"), pushText(TEXTS, "a"), sample(NAMED, key("a"), 1), sample(TIMES, [], 1), printMap(TEXTS), printHist(TIMES)];
    expect(run(enter(0), ...held, ...calls)).toEqual([...times(4, 0n), ...times(7, EBUSY)]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; map: attempted 7 busy 7");
  });

  test("M7 map_set of 0 keeps the entry, in its place", () => {
    run(set(INTS, key(1), 5n), set(INTS, key(2), 6n), set(INTS, key(1), 0n));
    expect(entries("ints")).toEqual(["[1] 0", "[2] 6"]);
  });

  test("M7 map_set_string keeps string_size - 1 bytes, counts a cut once, and replaces the whole text in its place", () => {
    run(setText(key(1), "12345678"), setText(key(2), "1234567"), setText(key(1), "x"));
    expect(entries("texts")).toEqual(['[1] "x"', '[2] "1234567"']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 3 delivered 3; cut 1");
  });

  test("M8 reading an absent key gives 0, an empty string or empty statistics, and makes no entry; map_contains tells 0 from 1", () => {
    const results = run(get(INTS, 1), onKey("map_contains", INTS, key(1)), set(INTS, key(1), 0n), onKey("map_contains", INTS, key(1)));
    expect(results).toEqual([0n, 0n, 0n, 1n]);
    const absent: [Operation, bigint[]][] = [
      [get(INTS, 1), [0n]],
      [get(TEXTS, 1), [0n]],
      [get(NAMED, "a"), [0x5301n, ...times(8, 0n)]],
      [get(TIMES), [0x5301n, ...times(8, 0n)]],
    ];
    for (const [op, words] of absent) {
      expect(run(op, onMap("map_size", op.target))).toEqual([0n, 0n]);
      expect((run(op), outputs())).toEqual(words);
    }
  });

  test("M8 O5 map_get outputs a value as a dump has it", () => {
    run(set(INTS, key(1), -5n), get(INTS, 1));
    expect(outputs()).toEqual([-5n & WORD]);
    run(setText(key(1), "abc"), get(TEXTS, 1));
    expect(outputs()).toEqual(stringWords("abc"));
    run(sample(SIZES, key("a"), 7), get(SIZES, "a"));
    expect(outputs()).toEqual([0x5301n, 1n, 7n, 0n, 7n, 7n, 49n, 0n, 3n, 1n, 0n]);
  });

  test("M9 map_del of an absent key returns ENOENT; a key inserted again goes to the end", () => {
    const results = run(onKey("map_del", INTS, key(1)), set(INTS, key(1), 1n), set(INTS, key(2), 2n), onKey("map_del", INTS, key(1)), add(INTS, key(1), 3n));
    expect(results).toEqual([ENOENT, 0n, 0n, 0n, 0n]);
    expect(entries("ints")).toEqual(["[2] 2", "[1] 3"]);
    run(...[1, 2, 3].map((part) => set(INTS, key(part), 0n)), onKey("map_del", INTS, key(1)));
    expect(entries("ints")).toEqual(["[2] 0", "[3] 0"]);
  });

  test("M10 a walk returns how many it visits; a bad order or limit returns EINVAL", () => {
    const three = [1, 2, 3].map((part) => set(PAIRS, key(part, 0), 0n));
    expect(run(...three, walk(PAIRS, "insertion"), walk(PAIRS, "value", { limit: 2n }), walk(PAIRS, "key2_desc", { limit: INT64_MAX / 128n })).slice(3)).toEqual([3n, 2n, 3n]);
    const raw = (target: number, value: bigint): Operation => operation("map_walk", { target, value });
    expect(run(raw(INTS, 34n), raw(NAMED, 34n), raw(INTS, 63n), raw(NAMED, 63n), raw(INTS, -1n), raw(INTS, -128n), raw(INTS, INT64_MIN))).toEqual(times(7, EINVAL));
  });

  test.each([
    [INTS, ["insertion", "value", "key1"]],
    [TIMES, ["insertion", "count", "sum", "min", "max", "avg", "variance"]],
    [NAMED, ["insertion", "key1", "count", "sum", "min", "max", "avg", "variance"]],
    [TEXTS, ["insertion", "value", "key1"]],
    [MIXED, ["insertion", "value", "key1", "key2"]],
    [NINE, ["insertion", "value", "key1", "key2", "key3", "key4", "key5", "key6", "key7", "key8", "key9"]],
  ] as const)("M10 map %d has the orders %o and their descending ones, and no other", (map, orders) => {
    const names = Object.keys(SORTS) as SortName[];
    expect(names.filter((name) => run(walk(map, name))[0] === 0n)).toEqual(orders.flatMap((name) => [name, `${name}_desc`]));
  });

  /** Keys (the part that tells entries apart) in the order in which a walk shows them. */
  function walked(target: number, sort: SortName, how = {}): string[] {
    more(walk(target, sort, how));
    const head = new BigUint64Array([0x4d01n, BigInt(target)]);
    const shown = formatDump(new Uint8Array([...new Uint8Array(head.buffer), ...model.outputs()]));
    return shown.slice(1).map((line) => line.trim());
  }

  test.each<[SortName, number[]]>([
    ["insertion", [0, 1, 2, 3]],
    ["insertion_desc", [3, 2, 1, 0]],
    ["value", [1, 0, 2, 3]],
    ["value_desc", [3, 0, 2, 1]],
    ["key1", [2, 1, 0, 3]],
    ["key1_desc", [0, 3, 1, 2]],
    ["key2", [1, 3, 0, 2]],
    ["key2_desc", [2, 0, 3, 1]],
  ])("M10 O5 order %s shows signed numbers, unsigned bytes, prefixes first and ties in insertion order", (sort, order) => {
    const all: [Argument[], bigint][] = [
      [[Uint8Array.of(0x80), 0n], 1n],
      [[bytes("ab"), INT64_MIN], INT64_MIN],
      [[bytes("a"), INT64_MAX], 1n],
      [[Uint8Array.of(0x80), -1n], 9n],
    ];
    run(...all.map(([args, value]) => set(MIXED, args, value)));
    const seen = order.flatMap((i) => entryWords(all[i]?.[0] ?? [], all[i]?.[1] ?? 0n));
    const map = [0x4d01n, 3n, 0x4d03n, 0n, 0n, 4n, ...all.flatMap(([args, value]) => entryWords(args, value))];
    expectDigest(walk(MIXED, sort), [4n, ...seen, ...map, ...ledgerWords(2n, 0n, { 10: 4n, 11: 4n })]);
  });

  test("M10 each of nine key parts is an order, texts are one by value", () => {
    for (let part = 1; part <= 9; part++) {
      const keyOf = (tag: number): Argument[] => key(...(REPLAY_MAPS[NINE].keys.map((type, i) => (i + 1 !== part ? (type === "string" ? "" : 0) : type === "string" ? `${tag}` : tag))));
      run(set(NINE, keyOf(2), 20n), set(NINE, keyOf(1), 10n));
      expect(walked(NINE, `key${part}` as SortName).map((line) => line.split(" ").at(-1))).toEqual(["10", "20"]);
      expect(walked(NINE, `key${part}_desc` as SortName).map((line) => line.split(" ").at(-1))).toEqual(["20", "10"]);
    }
    run(setText(key(1), "ab"), setText(key(2), "a"), setText(key(3), "ab"));
    expect(walked(TEXTS, "value")).toEqual(['entry [2] "a"', 'entry [1] "ab"', 'entry [3] "ab"']);
    expect(walked(TEXTS, "value_desc")).toEqual(['entry [1] "ab"', 'entry [3] "ab"', 'entry [2] "a"']);
  });

  /** The order of two statistics in a walk, ascending then descending: "ab ba" if a is less, "ab ab" for a tie. */
  function ordered(sort: "count" | "sum" | "min" | "max" | "avg" | "variance", a: readonly (bigint | number)[], b: readonly (bigint | number)[]): string {
    run(...a.map((value) => sample(NAMED, key("a"), value)), ...b.map((value) => sample(NAMED, key("b"), value)));
    const names = (order: SortName): string => walked(NAMED, order).map((line) => line[8]).join("");
    return `${names(sort)} ${names(`${sort}_desc`)}`;
  }

  test("M10 statistics are ordered by count, 128-bit sum, min, max, avg and variance", () => {
    expect(ordered("count", [1, 1], [5])).toBe("ba ab");
    expect(ordered("sum", [INT64_MAX, INT64_MAX], [1])).toBe("ba ab");
    expect(ordered("sum", [INT64_MIN, INT64_MIN], [1])).toBe("ab ba");
    expect(ordered("min", [3, -4], [-3])).toBe("ab ba");
    expect(ordered("max", [3, -4], [2, 2])).toBe("ba ab");
    expect(ordered("avg", [-1, -1, -2], [-2])).toBe("ba ab");
    expect(ordered("avg", [INT64_MAX, INT64_MAX, INT64_MAX], [INT64_MAX - 1n])).toBe("ba ab");
    expect(ordered("count", [1, 2], [5, 0])).toBe("ab ab");
    ordered("sum", [-1, -1, -1], [5]);
    expect(walked(NAMED, "count").map((line) => line[8])).toEqual(["b", "a"]); // nothing is left of the order before
  });

  test("S2 avg is truncated toward zero, also of sums beyond 64 bits", () => {
    expect(ordered("avg", [-3, 0], [-1])).toBe("ab ab");
    expect(ordered("avg", [3, 0], [1])).toBe("ab ab");
    expect(ordered("avg", [INT64_MIN, INT64_MIN, INT64_MIN + 1n], [INT64_MIN + 1n])).toBe("ab ab"); // truncated: up
    expect(ordered("avg", [INT64_MIN, INT64_MIN], [INT64_MIN])).toBe("ab ab");
    expect(ordered("avg", [INT64_MAX, INT64_MAX, INT64_MAX - 1n], [INT64_MAX - 1n])).toBe("ab ab");
    expect(ordered("avg", [INT64_MAX, INT64_MIN, 2], [0])).toBe("ab ab"); // 1 / 3
  });

  test("S3 variance is exact, rounded down, 0 below two samples, INT64_MAX when it exceeds that", () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i); // 841.67
    expect(ordered("variance", hundred, [0, 29, 58])).toBe("ab ab"); // 29² = 841
    expect(ordered("variance", hundred, [0, 29, 29, 58])).toBe("ba ab"); // 560.67
    const thousand = [1, 1000, 1_000_000]; // 332999999667
    expect(ordered("variance", thousand, [-577_061, 0, 577_061])).toBe("ba ab"); // 332999397721
    expect(ordered("variance", thousand, [-577_062, 0, 577_062])).toBe("ab ba"); // 333000551844
    expect(ordered("variance", thousand, [0, 999, 999_999])).toBe("ab ab"); // each 1 less: the same
    expect(ordered("variance", [5], [7, 7, 7])).toBe("ab ab");
    expect(ordered("variance", [5], [0, 2])).toBe("ab ba");
    expect(ordered("variance", [1, 10 ** 6, 10 ** 12], [INT64_MIN, INT64_MAX])).toBe("ab ab"); // 3.3e23: both INT64_MAX
    expect(ordered("variance", [0, 2n ** 32n - 1n], [0, 2n ** 32n])).toBe("ab ba"); // (2^32 − 1)² / 2 < 2^63 = INT64_MAX + 1
    expect(ordered("variance", [0, 2n ** 32n], [1, 10 ** 6, 10 ** 12])).toBe("ab ab");
    expect(ordered("variance", times(3, INT64_MIN), [4])).toBe("ab ab"); // 3 · 2^126 is still exact
    expect(ordered("variance", times(4, INT64_MIN), [0, 100])).toBe("ba ab"); // 4 · 2^126 is not
    expect(ordered("variance", times(4, INT64_MIN), [1, 10 ** 6, 10 ** 12])).toBe("ab ab");
    expect(ordered("variance", [INT64_MAX, INT64_MAX - 1n, INT64_MAX - 2n], [0, 1, 2])).toBe("ab ab"); // 1, however far from 0
  });

  test("M10 a removing walk shows and removes the first by its order, up to its limit", () => {
    const three = (): bigint[] => run(...[5, 7, 6].map((value) => set(INTS, key(value), BigInt(value * 10))));
    three();
    expect(walked(INTS, "value_desc", { limit: 2n, remove: true })).toEqual(["entry [7] 70", "entry [6] 60"]);
    expect(entries("ints")).toEqual(["[5] 50"]);
    three();
    expect(walked(INTS, "insertion", { remove: true })).toEqual(["entry [5] 50", "entry [7] 70", "entry [6] 60"]);
    expect(more(onMap("map_size", INTS), ...[1, 2, 3].map((part) => set(INTS, key(part), 0n)))).toEqual([0n, 0n, 0n, 0n]);
    expect(ledger("probe none cpu0")).toBe("map: attempted 6 delivered 6");
  });

  test("M11 map_clear removes all entries, though not of other maps", () => {
    const filled = [set(INTS, key(1), 1n), set(INTS, key(2), 1n), set(PAIRS, key(1, 2), 1n)];
    expect(run(...filled, onMap("map_clear", INTS))).toEqual(times(4, 0n));
    expect(more(onMap("map_size", INTS), onMap("map_size", PAIRS))).toEqual([0n, 1n]);
  });

  test("M12 a full wrap map evicts its oldest entry, whatever calls; a key that it has evicts none", () => {
    expect(run(set(RECENT, key(1), 1n), set(RECENT, key(2), 2n), add(RECENT, key(1), 1n), add(RECENT, key(3), 3n))).toEqual(times(4, 0n));
    expect(entries("recent")).toEqual(["[2] 2", "[3] 3"]);
    expect(ledger("probe none cpu0")).toBe("map: attempted 4 delivered 4; evicted 1");
    more(set(RECENT, key(1), 9n), onMap("map_hold", RECENT), set(RECENT, key(4), 9n));
    expect(entries("recent")).toEqual(["[3] 3", "[1] 9"]);
    expect(ledger("probe none cpu0")).toBe("map: attempted 6 delivered 5 busy 1; evicted 2");
  });

  test("M13 each CPU adds in its part; reading, size, deleting and clearing are about all parts", () => {
    run(add(SUMS, key(1), 1n), add(SUMS, key(2), 2n), onCpu(1, add(SUMS, key(3), 4n)), onCpu(1, add(SUMS, key(2), 8n)));
    expect(lines("map sums")).toEqual(["map sums", "part 0 size 2", "entry [1] 1", "entry [2] 2", "part 1 size 2", "entry [3] 4", "entry [2] 8"]);
    expect(more(get(SUMS, 2), onMap("map_size", SUMS), onKey("map_contains", SUMS, key(3)))).toEqual([0n, 4n, 1n]);
    expect((more(get(SUMS, 2)), outputs())).toEqual([10n]);
    expect(walked(SUMS, "insertion")).toEqual(["entry [1] 1", "entry [2] 10", "entry [3] 4"]);
    expect(walked(SUMS, "insertion_desc")).toEqual(["entry [3] 4", "entry [2] 10", "entry [1] 1"]);
    expect(walked(SUMS, "value_desc", { limit: 2n })).toEqual(["entry [2] 10", "entry [3] 4"]);
    expect(more(onKey("map_del", SUMS, key(2)), onKey("map_del", SUMS, key(2)), onKey("map_del", SUMS, key(3)), onMap("map_size", SUMS))).toEqual([0n, ENOENT, 0n, 1n]);
    expect(more(onCpu(1, add(SUMS, key(1), 1n)), onCpu(1, onMap("map_clear", SUMS)), onMap("map_size", SUMS))).toEqual([0n, 0n, 0n]);
  });

  test("M13 merged int64 wrap; a removing walk removes a key from all parts", () => {
    run(add(SUMS, key(1), INT64_MAX), onCpu(1, add(SUMS, key(2), 1n)), onCpu(1, add(SUMS, key(1), 1n)));
    expect(walked(SUMS, "value", { limit: 1n, remove: true })).toEqual([`entry [1] ${INT64_MIN}`]);
    expect(lines("map sums")).toEqual(["map sums", "part 0 size 0", "part 1 size 1", "entry [2] 1"]);
  });

  test("M13 M6 parts are held each by itself: adding finds its own held, what is about all parts any", () => {
    expect(run(onCpu(1, onMap("map_hold", SUMS)), onCpu(1, onMap("map_hold", SUMS)), onMap("map_release", SUMS))).toEqual([0n, EBUSY, ESTATE]);
    expect(lines("map sums")).toEqual(["map sums", "part 0 size 0", "part 1 size 0 held by cpu1"]);
    const all = [get(SUMS, 1), onKey("map_contains", SUMS, key(1)), onKey("map_del", SUMS, key(1)), onKey("map_del_slice", SUMS, key(1)), walk(SUMS, "value"), onMap("map_clear", SUMS)];
    expect(more(add(SUMS, key(1), 1n), onCpu(1, add(SUMS, key(1), 1n)), ...all)).toEqual([0n, EBUSY, ...times(6, EBUSY)]);
    expect(more(onMap("map_hold", SUMS), onMap("map_size", SUMS), onMap("map_release", SUMS), onCpu(1, onMap("map_release", SUMS)))).toEqual([0n, 1n, 0n, 0n]);
    expect(run(onCpu(1, onMap("map_hold", TIMES)), sample(TIMES, [], 1), onCpu(1, sample(TIMES, [], 1)))).toEqual([0n, 0n, EBUSY]);
  });

  test("M14 wildcards match anything, in map_contains and map_del_slice, which returns how many", () => {
    const three = [set(MIXED, key("a", 1), 1n), set(MIXED, key("b", 1), 2n), set(MIXED, key("a", 2), 3n)];
    const slice = (name: OperationName, mask: bigint, ...parts: Part[]): Operation => onKey(name, MIXED, key(...parts), mask);
    expect(run(...three, slice("map_contains", 1n, "z", 2), slice("map_contains", 1n, "a", 3), slice("map_contains", 2n, "b", 9), slice("map_contains", 0n, "b", 2)).slice(3)).toEqual([1n, 0n, 1n, 0n]);
    expect(more(slice("map_del_slice", 2n, "a", 77), slice("map_del_slice", 2n, "a", 77))).toEqual([2n, 0n]);
    expect(entries("mixed")).toEqual(['["b", 1] 2']);
    expect(run(...three, slice("map_del_slice", 3n, "", 0), slice("map_contains", 3n, "", 0))).toEqual([0n, 0n, 0n, 3n, 0n]);
    expect(run(...three, slice("map_del_slice", 0n, "b", 1))).toEqual([0n, 0n, 0n, 1n]);
    expect(entries("mixed")).toEqual(['["a", 1] 1', '["a", 2] 3']);
  });

  test("M14 a mask beyond the key is EINVAL; wildcard arguments fit but are not cut; others are", () => {
    const long = "12345678901234567";
    const masks = [4n, -1n, INT64_MIN].map((mask) => onKey("map_contains", MIXED, key("a", 1), mask));
    expect(run(...masks, onKey("map_contains", TIMES, [], 1n), onKey("map_contains", MIXED, key(1, 1), 1n), onKey("map_contains", MIXED, key(long, 1), 1n))).toEqual([...times(5, EINVAL), 0n]);
    expect(ledger("probe none cpu0")).toBe("");
    run(onKey("map_del_slice", MIXED, key(long, 1), 2n), set(MIXED, key("123456789012345", 1), 1n), onKey("map_contains", MIXED, key(long, 9), 2n));
    expect(ledger("probe none cpu0")).toBe("map: attempted 2 delivered 2; cut 2");
  });

  test("M14 M13 slices of a per-CPU map count entries of all parts", () => {
    const sizes = (cpu: number, name: string): Operation => onCpu(cpu, sample(SIZES, key(name), 1));
    expect(run(sizes(0, "a"), sizes(1, "b"), sizes(1, "a"), onKey("map_contains", SIZES, key("b")), onKey("map_del_slice", SIZES, key("a"), 0n))).toEqual([0n, 0n, 0n, 1n, 2n]);
    expect(lines("map sizes").slice(0, 3)).toEqual(["map sizes", "part 0 size 0", "part 1 size 1"]);
    expect(more(onKey("map_del_slice", SIZES, key("x"), 1n))).toEqual([1n]);
  });

  test("M15 map_append makes an entry, appends, and cuts what exceeds 7 bytes", () => {
    run(append(key(1), "abc"), append(key(1), "def"), append(key(1), "g"), append(key(1), ""), append(key(1), "h"), append(key(2), "12345678"));
    expect(entries("texts")).toEqual(['[1] "abcdefg"', '[2] "1234567"']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 6 delivered 6; cut 2");
  });

  test("M16 a push stores under the next position, which grows only with success; map_clear begins anew", () => {
    expect(run(push(INTS, 5n), push(INTS, 6n), set(INTS, key(7), 1n), push(INTS, 8n), onKey("map_del", INTS, key(7)), push(INTS, 9n))).toEqual([0n, 0n, 0n, EFULL, 0n, 0n]);
    expect(lines("map ints")).toEqual(["map ints", "part 0 size 3 next 3", "entry [0] 5", "entry [1] 6", "entry [2] 9"]);
    more(onMap("map_hold", INTS), push(INTS, 1n), onMap("map_release", INTS), onMap("map_clear", INTS), set(INTS, key(1), 3n), push(INTS, 1n), push(INTS, 2n));
    expect(lines("map ints")).toEqual(["map ints", "part 0 size 2 next 2", "entry [1] 2", "entry [0] 1"]);
    run(pushText(TEXTS, "one"), pushText(TEXTS, "too long for it"), onKey("map_del", TEXTS, key(0)), pushText(TEXTS, ""));
    expect(lines("map texts")).toEqual(["map texts", "part 0 size 2 next 3", 'entry [1] "too lon"', 'entry [2] ""']);
    expect(ledger("probe none cpu0")).toBe("map: attempted 4 delivered 4; cut 1");
    run(...[1n, 2n, 3n].map((value) => push(RECENT, value)));
    expect(lines("map recent")).toEqual(["map recent", "part 0 size 2 next 3", "entry [1] 2", "entry [2] 3"]);
  });
});
