/** The model against SEMANTICS.md: worked examples with literal results. B: strings. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Operation } from "../operations.ts";
import type { OperationName } from "../../spec/protocol.ts";
import { EFAULT, EFULL, EINVAL, ENOENT, ESTATE, INT64_MAX, INT64_MIN, NMI, TASK, WORD, enter, exit, ledger, level, loadModels, made, model, onStrings, outputs, run, str, times, type Part } from "./testing.ts";

beforeAll(loadModels, 120_000);

describe("B: strings", () => {
  const POOL: [OperationName, Part[]][] = [
    ["str_copy", ["a"]],
    ["str_concat", ["a", "b"]],
    ["str_substr", ["a", 0, 1]],
    ["str_replace", ["a", "b", "c"]],
    ["str_token", ["a", "b", 0]],
    ["str_quote", ["a"]],
  ];

  test("B1 B2 a level has three strings, given back at its own probe_exit; none outside a probe", () => {
    const results = run(str("x"), enter(0), ...times(4, str("x")), enter(1, NMI), str("x"), exit, str("x"), exit, enter(0), str("x"));
    expect(results).toEqual([ESTATE, 0n, 0n, 0n, 0n, EFULL, 0n, 0n, 0n, EFULL, 0n, 0n, 0n]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 2 delivered 1; string: attempted 6 delivered 4 full 2");
    expect(level(TASK)).toBe('level task probe 0 actions 15 strings 1 text ""');
  });

  test.each(POOL)("B1 %s takes a string, without one returns EFULL; ESTATE, EINVAL, EFULL in this order", (name, args) => {
    const call = onStrings(name, ...args);
    const wrong = onStrings(name, ...args, 1);
    expect(run(wrong, enter(0), wrong, call, call, call, wrong, call)).toEqual([ESTATE, 0n, EINVAL, 0n, 0n, 0n, EINVAL, EFULL]);
    expect(model.outputs()).toHaveLength(0);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 4 delivered 3 full 1");
  });

  test("B1 B2 EFAULT comes before EFULL, ENOENT before EFULL; neither of them takes a string, EFULL counts no cut", () => {
    const token = onStrings("str_token", "a", "b", 1);
    expect(run(enter(0), str("%m", 1), token, ...times(3, str("")), str("%m", 1), token, str("%600d".replace("600", "512"), 1))).toEqual([0n, EFAULT, ENOENT, 0n, 0n, 0n, EFAULT, ENOENT, EFULL]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 6 delivered 3 full 1 fault 2");
  });

  test("B3 ESTATE comes before EINVAL, EINVAL before EFULL", () => {
    expect(run(str("%"), enter(0), ...times(3, str("")), str("%"), str(""))).toEqual([ESTATE, 0n, 0n, 0n, 0n, EINVAL, EFULL]);
  });

  test("B3 str_printf outputs its text, cut to 511 bytes and counted once, ended by a NUL after that", () => {
    expect(made(str(`${"y".repeat(505)}%6s%d`, "x", 1))).toBe(`${"y".repeat(505)}     x`);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 1 delivered 1; cut 1");
    expect(made(str("ab%ccd", 0))).toBe("ab");
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 1 delivered 1");
    expect(made(str("ab%c%512d", 0, 1))).toBe("ab");
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 1 delivered 1; cut 1");
  });

  test.each([...POOL, ["str_compare", ["a", "b"]], ["str_find", ["a", "b"]], ["str_number", ["1", 10]]] as [OperationName, Part[]][])("B4 %s refuses arguments of other number or type", (name, args) => {
    const others = [[], args.slice(1), [...args, "x"], times(17, "x"), ...args.map((arg, i) => args.with(i, typeof arg === "string" ? 1 : "1"))];
    expect(run(...others.flatMap((parts) => [enter(0), onStrings(name, ...parts), exit]))).toEqual(others.flatMap(() => [0n, EINVAL, 0n]));
    expect(ledger("probe 0 cpu0")).toBe(`hit: attempted ${others.length} delivered ${others.length}`);
  });

  test("B4 of an argument 511 bytes are looked at, a longer one is counted, and so is a result that is cut", () => {
    const cuts = (op: Operation, text: string): string => (expect(made(op)).toBe(text), ledger("probe 0 cpu0").replace(/.*delivered 1/, ""));
    const long = "x".repeat(512);
    expect(cuts(onStrings("str_copy", "x".repeat(511)), "x".repeat(511))).toBe("");
    expect(cuts(onStrings("str_copy", long), "x".repeat(511))).toBe("; cut 1");
    expect(cuts(onStrings("str_concat", "x".repeat(510), "yz"), `${"x".repeat(510)}y`)).toBe("; cut 1");
    expect(cuts(onStrings("str_concat", long, long), "x".repeat(511))).toBe("; cut 3");
    expect(cuts(onStrings("str_substr", long, 510, 9), "x")).toBe("; cut 1");
    expect(cuts(onStrings("str_token", long, ",", 0), "x".repeat(511))).toBe("; cut 1");
    expect(cuts(onStrings("str_replace", "x".repeat(511), "x", "ab"), `${"ab".repeat(255)}a`)).toBe("; cut 1");
    expect(cuts(onStrings("str_replace", long, "y", long), "x".repeat(511))).toBe("; cut 2");
    expect(run(onStrings("str_compare", `${"x".repeat(511)}a`, `${"x".repeat(511)}b`))).toEqual([0n]);
    expect(outputs()).toEqual([0n]);
    expect(run(onStrings("str_find", `${"x".repeat(511)}a`, "a"), onStrings("str_number", `${"0".repeat(511)}1`, 10))).toEqual([ENOENT, 0n]);
    expect(outputs()).toEqual([0n]);
    expect(ledger("probe none cpu0")).toBe("");
    run(enter(0), onStrings("str_token", long, ",", 1));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1");
  });

  test.each<[OperationName, Part[], string]>([
    ["str_copy", [""], ""],
    ["str_copy", ["\x01\xff"], "\x01\xc3\xbf"],
    ["str_concat", ["ab", "cd"], "abcd"],
    ["str_concat", ["", ""], ""],
    ["str_substr", ["abcdef", 2, 3], "cde"],
    ["str_substr", ["abcdef", 2, INT64_MAX], "cdef"],
    ["str_substr", ["abcdef", 0, 0], ""],
    ["str_substr", ["abcdef", 6, 1], ""],
    ["str_substr", ["abcdef", 7, 1], ""],
    ["str_substr", ["abcdef", INT64_MAX, 1], ""],
    ["str_substr", ["abcdef", -1, 3], ""],
    ["str_substr", ["abcdef", 1, -1], ""],
    ["str_substr", ["abcdef", 1, INT64_MIN], ""],
    ["str_token", ["a,b;;c", ",;", 2], "c"],
    ["str_token", [",,a,b", ",", 0], "a"],
    ["str_token", ["a,b", "", 0], "a,b"],
    ["str_token", ["a,b,", ",", 1], "b"],
    ["str_replace", ["aaa", "aa", "b"], "ba"],
    ["str_replace", ["abab", "b", ""], "aa"],
    ["str_replace", ["abc", "", "x"], "abc"],
    ["str_replace", ["abc", "abcd", "x"], "abc"],
    ["str_replace", ["a", "a", "aa"], "aa"],
    ["str_replace", ["aab", "ab", "x"], "ax"],
  ])("B5 B6 B7 B8 %s of %o is %o", (name, args, expected) => {
    expect(made(onStrings(name, ...args))).toBe(expected);
  });

  test.each<Part[]>([
    ["a,b", ",", 2],
    ["a,b", ",", -1],
    ["", "", 0],
    [",,", ",", 0],
    ["a", "b", INT64_MAX],
  ])("B7 str_token of %o, %o, %d returns ENOENT and enters nothing", (...args) => {
    expect(run(enter(0), onStrings("str_token", ...args))).toEqual([0n, ENOENT]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1");
    expect(level(TASK)).toBe('level task probe 0 actions 15 strings 0 text ""');
  });

  test.each<[Uint8Array | string, string]>([
    ["", '""'],
    ["plain ~", '"plain ~"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["\x07\x08\x0c\n\r\t\x0b'", "\"\\a\\b\\f\\n\\r\\t\\v'\""],
    ["\x01\x1f\x7f", '"\\001\\037\\177"'],
    [Uint8Array.of(0x80, 0xff, 0xc3), '"\\200\\377\\303"'],
    [Uint8Array.of(0xc2, 0xa0), '"\xc2\xa0"'], // U+00A0
    [Uint8Array.of(0xc2, 0x9f), '"\\302\\237"'], // U+009F is a control
    [Uint8Array.of(0xdf, 0xbf), '"\xdf\xbf"'],
    [Uint8Array.of(0xe0, 0xa0, 0x80, 0xef, 0xbf, 0xbf), '"\xe0\xa0\x80\xef\xbf\xbf"'],
    [Uint8Array.of(0xe0, 0x9f, 0xbf), '"\\340\\237\\277"'], // overlong
    [Uint8Array.of(0xed, 0x9f, 0xbf, 0xee, 0x80, 0x80), '"\xed\x9f\xbf\xee\x80\x80"'],
    [Uint8Array.of(0xed, 0xa0, 0x80), '"\\355\\240\\200"'], // the first surrogate
    [Uint8Array.of(0xed, 0xbf, 0xbf), '"\\355\\277\\277"'], // the last
    [Uint8Array.of(0xf0, 0x90, 0x80, 0x80, 0xf4, 0x8f, 0xbf, 0xbf), '"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"'],
    [Uint8Array.of(0xf0, 0x8f, 0xbf, 0xbf), '"\\360\\217\\277\\277"'],
    [Uint8Array.of(0xf4, 0x90, 0x80, 0x80), '"\\364\\220\\200\\200"'], // beyond U+10FFFF
    [Uint8Array.of(0xf8, 0x88, 0x80, 0x80, 0x80), '"\\370\\210\\200\\200\\200"'],
    [Uint8Array.of(0xe2, 0x82), '"\\342\\202"'], // it ends too early
    [Uint8Array.of(0xe2, 0x82, 0x41), '"\\342\\202A"'],
    [Uint8Array.of(0xc1, 0x81), '"\\301\\201"'],
  ])("B9 str_quote of %o is %o", (text, quoted) => {
    expect(made(onStrings("str_quote", text))).toBe(quoted);
  });

  test("B9 a quoted string of 511 bytes is whole; of a longer one as many whole units stand as fit, and it is counted", () => {
    const cuts = (text: Part): [string, string] => [made(onStrings("str_quote", text)), ledger("probe 0 cpu0").replace(/.*delivered 1/, "")];
    const x = (count: number): string => "x".repeat(count);
    expect(cuts(x(509))).toEqual([`"${x(509)}"`, ""]);
    expect(cuts(x(510))).toEqual([`"${x(506)}"...`, "; cut 1"]);
    expect(cuts(x(512))).toEqual([`"${x(506)}"...`, "; cut 2"]);
    expect(cuts(`${x(507)}\n`)).toEqual([`"${x(507)}\\n"`, ""]);
    expect(cuts(`${x(508)}\n`)).toEqual([`"${x(506)}"...`, "; cut 1"]);
    expect(cuts(`${x(503)}\x01${x(5)}`)).toEqual([`"${x(503)}"...`, "; cut 1"]); // the unit of four bytes does not fit
    expect(cuts(`${x(502)}\x01${x(5)}`)).toEqual([`"${x(502)}\\001"...`, "; cut 1"]);
    expect(cuts(`${x(504)}€${x(4)}`)).toEqual([`"${x(504)}"...`, "; cut 1"]);
    expect(cuts("\x01".repeat(127))).toEqual([`"${"\\001".repeat(127)}"`, ""]);
    expect(cuts("\x01".repeat(128))).toEqual([`"${"\\001".repeat(126)}"...`, "; cut 1"]);
  });

  test.each([
    ["a", "a", 0n],
    ["a", "b", -1n],
    ["b", "a", 1n],
    ["a", "ab", -1n],
    ["", "a", -1n],
    ["", "", 0n],
    ["\x7f", "é", -1n],
  ])("B10 str_compare of %o and %o outputs %d", (a, b, expected) => {
    expect(run(onStrings("str_compare", a, b))).toEqual([0n]);
    expect(outputs()).toEqual([expected & WORD]);
  });

  test.each([
    ["abcabc", "bc", 1n],
    ["abc", "", 0n],
    ["", "", 0n],
    ["abc", "abc", 0n],
    ["aab", "ab", 1n],
    ["abc", "abcd", ENOENT],
    ["abc", "x", ENOENT],
  ])("B10 str_find in %o of %o returns %d", (text, what, expected) => {
    expect(run(onStrings("str_find", text, what))).toEqual([expected]);
    expect(ledger("probe none cpu0")).toBe("");
  });

  test.each<[string, number, bigint]>([
    ["0", 10, 0n],
    [" \t\n\v\f\r+12", 10, 12n],
    ["-9223372036854775808", 10, INT64_MIN],
    ["9223372036854775807", 10, INT64_MAX],
    ["-0", 10, 0n],
    ["7fffffffffffffff", 16, INT64_MAX],
    ["-0X8000000000000000", 16, INT64_MIN],
    ["0xfF", 0, 255n],
    ["017", 0, 15n],
    ["0", 0, 0n],
    ["19", 0, 19n],
    ["-010", 0, -8n],
    ["zZ", 36, 1295n],
    ["1111", 2, 15n],
    ["00000000000000000000000000001", 10, 1n],
  ])("B11 str_number of %o in base %d is %d", (text, base, expected) => {
    expect(run(onStrings("str_number", text, base))).toEqual([0n]);
    expect(outputs()).toEqual([expected & WORD]);
  });

  test.each<[string, bigint | number]>([
    ["", 10],
    [" ", 10],
    ["-", 10],
    ["+-1", 10],
    ["1 ", 10],
    ["- 1", 10],
    ["9223372036854775808", 10],
    ["-9223372036854775809", 10],
    ["18446744073709551617", 10],
    ["8000000000000000", 16],
    ["0x", 16],
    ["0x", 0],
    ["0xg", 0],
    ["0x1", 10],
    ["0x1", 36 - 1],
    ["08", 0],
    ["2", 2],
    ["a", 10],
    ["1", 1],
    ["1", 37],
    ["1", -1],
    ["1", INT64_MIN],
    ["1", 2n ** 32n + 10n],
    ["\x0e1", 10],
    ["0x0x1", 16],
  ])("B11 str_number of %o in base %d returns EINVAL", (text, base) => {
    const is35 = base === 35; // there x is a digit: 0 · 35² + 33 · 35 + 1
    expect(run(onStrings("str_number", text, base))).toEqual([is35 ? 0n : EINVAL]);
    expect(outputs()).toEqual(is35 ? [1156n] : []);
  });
});
