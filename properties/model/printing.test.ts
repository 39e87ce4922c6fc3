/** The model against SEMANTICS.md: worked examples with literal results. P: printing. */
import { beforeAll, describe, expect, test } from "vitest";
import { operation, type Operation } from "../operations.ts";
import { REPLAY_MAPS } from "../../spec/protocol.ts";
import { EBUDGET, EBUSY, EFAULT, EFULL, EINVAL, ENOENT, ESTATE, INT64_MAX, INT64_MIN, INTS, IRQ, MIXED, NAMED, NINE, SIZES, SUMS, TASK, TEXTS, TIMES, add, enter, entries, exit, flush, key, ledger, level, lines, loadModels, made, onCpu, onMap, print, printHist, printMap, run, runRoomy, sample, set, setText, str, times, type Part } from "./testing.ts";

beforeAll(loadModels, 120_000);

/** Text that print_printf leaves in an empty print buffer, as a dump shows it. */
function printed(text: string, ...args: Part[]): string {
  expect(run(enter(0), print(text, ...args))).toEqual([0n, 0n]);
  return level(TASK).replace(/^.* text /, "");
}

describe("P: printing", () => {
  test.each<[string, Part[], string]>([
    ["plain %%", [], "plain %"],
    ["%d|%i", [INT64_MIN, INT64_MAX], "-9223372036854775808|9223372036854775807"],
    ["%u|%u", [-1, 0], "18446744073709551615|0"],
    ["%o|%#o|%#o", [8, 8, 0], "10|010|00"],
    ["%o", [-1], "1777777777777777777777"],
    ["%x|%X|%x", [-1, -1, 0], "ffffffffffffffff|FFFFFFFFFFFFFFFF|0"],
    ["%#x|%#X|%#x", [171, 171, 0], "0xab|0XAB|0x0"],
    ["%5d|%-5d|%05d|%-05d", [-3, -3, -3, -3], "   -3|-3   |-0003|-3   "],
    ["%+d|%+d|% d|% d|%+ d|% +d", [3, -3, 3, -3, 3, 3], "+3|-3| 3|-3|+3|+3"],
    ["%+u|% x|%+o|% +X", [3, 3, 3, 3], "3|3|3|3"],
    ["%#d|%#u|%#i", [3, 3, -3], "3|3|-3"],
    ["%+05d|% 05d|%+5d|%-+5d|", [3, 3, 3, 3], "+0003| 0003|   +3|+3   |"],
    ["%.3d|%.3d|%.0d|%.d|%.1d", [5, -5, 0, 0, 0], "005|-005|0|0|0"],
    ["%6.3d|%-6.3d|%06.3d|", [-5, -5, -5], "  -005|-005  |-00005|"],
    ["%.20u", [7], "00000000000000000007"],
    ["%5x|%-5x|%05x|%0-05x", [171, 171, 171, 171], "   ab|ab   |000ab|ab   "],
    ["%#6x|%#06x|%-#6x|%#.4x|%#7.4o", [171, 171, 171, 171, 8], "  0xab|0x00ab|0xab  |0x00ab|  00010"],
    ["%p", [0], "0x0000000000000000"],
    ["%p|%P".slice(0, 2), [-1], "0xffffffffffffffff"],
    ["%-p|", [171], "0xab              |"],
    ["%8p|%08p|%-8p|%1p", [171, 171, 171, 171], "    0xab|0x0000ab|0xab    |0xab"],
    ["%*p", [0, 171], "0xab"],
    ["%.4p|", [171], "0x00000000000000ab|"],
    ["%5s|%-5s|%05s|%--00-2s", ["ab", "ab", "ab", "abc"], "   ab|ab   |   ab|abc"],
    ["%.2s|%.0s|%.s|%.9s|%5.1s|%-5.1s|", ["abc", "abc", "abc", "abc", "abc", "abc"], "ab|||abc|    a|a    |"],
    ["%#s|%+ 0s", ['a"\n', "b"], 'a\\"\\n|b'],
    ["%#.2s|%#8.2s|%#-5s|", ["\n\n\n", "\n\n\n", "\t"], "\\n\\n|    \\n\\n|\\t   |"],
    ["%#.1s", ["é"], "\\303"],
    ["%#s", ["'"], "'"],
    ["%c%c", [0x141, -190], "AB"],
    ["%3c|%-3c|%03c|%.0c|%.9c", [65, 65, 65, 65, 65], "  A|A  |  A|A|A"],
    ["%#c%#c%#c%#c", [39, 34, 92, 10], "\\'\"\\\\\\n"],
    ["%#c|%#6c|%#-6c|", [0, 0xe9, 1], "\\000|  \\351|\\001  |"],
    ["%2d%-1d%s", [1234, 56, ""], "123456"],
    ["%010d", [0], "0000000000"],
    ["%*d|%-*d|%*d|%0*d", [4, 7, 4, 7, -4, 7, 4, 7], "   7|7   |7   |0007"],
    ["%.*d|%.*d|%*.*d|%.*s", [3, 7, -3, 7, 5, 3, 7, 1, "abc"], "007|7|  007|a"],
    ["%.*s|%*s|%-*s|", [-1, "abc", -5, "abc", -5, "abc"], "abc|abc  |abc  |"],
    ["%.*s|%.*M", [0, "abc", 0, "az"], "|61"],
    ["%+-0 #5d|", [3], "+3   |"],
    ["%M|%.0M|%.3M|%8.2M|%-8.2M|", ["\xe9", "A", "Az", "Az", "Az"], "c3|41|417a00|    417a|417a    |"],
    ["%m|%.2m|%4m|%-4m|%.m", ["Az", "Az", "Az", "Az", "Az"], "A|Az|   A|A   |A"],
    ["%#.2M|%+0 .2M", ["Az", "Az"], "417a|417a"],
  ])("P1 %s of %o prints %s", (format, args, text) => {
    expect(made(str(format, ...args))).toBe(text);
  });

  test.each<[string, Part[], string]>([
    ["%b", [0x0102030405060708n], '"\\x08\\x07\\x06\\x05\\x04\\x03\\x02\\x01"'],
    ["%1b%2b%4b%8b", [-2, 0x4142, -1, 1], '"\\xfeBA\\xff\\xff\\xff\\xff\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00"'],
    ["%*b|", [2, 0x4142], '"BA|"'],
    ["%.*b|", [-1, 0x41], '"A\\x00\\x00\\x00\\x00\\x00\\x00\\x00|"'],
    ["a%cb", [0], '"a\\x00b"'],
    ["%.4m|%m", ["Az", ""], '"Az\\x00\\x00|\\x00"'],
  ])("P1 %s of %o prints the bytes %s, NULs too", (format, args, text) => {
    expect(printed(format, ...args)).toBe(text);
  });

  test.each<[string, Part[]]>([
    ["%", []],
    ["%5", []],
    ["%5.", []],
    ["%5.3", []],
    ["%*", [1]],
    ["%*", [1, 1]],
    ["%q", [1]],
    ["%P", [1]],
    ["%5-d", [1]],
    ["%.-1d", [1]],
    ["%5%", []],
    ["%-%", []],
    ["%0%", []],
    ["%.%", []],
    ["%*%", [1]],
    ["%ld", [1]],
    ["%513d", [1]],
    ["%4294967297d", [1]],
    ["%18446744073709551617d", [1]],
    ["%.513d", [1]],
    ["%*d", [513, 1]],
    ["%*d", [-513, 1]],
    ["%*d", [INT64_MIN, 1]],
    ["%*d", [2n ** 32n, 1]],
    ["%.*d", [513, 1]],
    ["%.*d", [-513, 1]],
    ["%*d", ["5", 1]],
    ["%.*d", ["5", 1]],
    ["%*d", [5]],
    ["%d", []],
    ["%d", [1, 2]],
    ["", [1]],
    ["%%", [1]],
    ["%*%d", [1, 1]],
    ...["d", "i", "u", "o", "x", "X", "p", "c", "b"].map((letter): [string, Part[]] => [`%${letter}`, ["1"]]),
    ["%s", [1]],
    ["%3b", [1]],
    ["%16b", [1]],
    ["%*b", [0, 1]],
    ["%*b", [-2, 1]],
    ["%-2b", [1]],
    ["%02b", [1]],
    ["%+b", [1]],
    ["% b", [1]],
    ["%#b", [1]],
    ["%2.b", [1]],
    ["%.1b", [1]],
    ["%d".repeat(17), times(17, 1)],
    ["text %d %q", [1, 2]],
    ["%m%q", [1, 2]],
    ["%m", [1, 2]],
  ])("P1 %s of %o returns EINVAL and writes nothing", (format, args) => {
    expect(run(enter(0), print(format, ...args))).toEqual([0n, EINVAL]);
    expect(level(TASK)).toBe('level task probe 0 actions 15 strings 0 text ""');
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1");
  });

  test.each(["%m", "%M", "%#m", "%#.9M", "%d%m"])("P1 %s of a number returns EFAULT, writes nothing, and is counted as a fault", (format) => {
    expect(run(enter(0), print(format, ...times(format.split("%").length - 1, 64)))).toEqual([0n, EFAULT]);
    expect(level(TASK)).toBe('level task probe 0 actions 15 strings 0 text ""');
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; record: attempted 1 fault 1");
  });

  test("P1 16 arguments, and widths and precisions of 512 are allowed", () => {
    const wide = [print("%512d", 1), print("%.512d", 1), print("%*d", -512, 1), print("%.*d", -512, 1), print("%.512s", "a"), print("%.512M", "a")];
    expect(run(enter(0), print("%d".repeat(16), ...times(16, 1)), ...wide)).toEqual(times(8, 0n));
  });

  test("P1 a string argument of 512 bytes is cut to 511 and counted, for each, whatever the precision; not if the call fails", () => {
    run(enter(0), str("%s%s", "z".repeat(512), "z".repeat(512)));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 1 delivered 1; cut 3");
    run(enter(0), str("%s", "z".repeat(511)));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; string: attempted 1 delivered 1");
    run(enter(0), print("%.1s%.1m%.1M", ...times(3, "z".repeat(512))), print("%.1s%m", "z".repeat(512), 1), print("%.1s%d", "z".repeat(512)));
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; record: attempted 1 fault 1; cut 3");
    expect(level(TASK)).toBe('level task probe 0 actions 13 strings 0 text "zz7a"');
  });

  test("P1 memory of a string of more than 511 bytes is zeros behind those", () => {
    runRoomy(enter(0), print("%.512M", "z".repeat(600)));
    expect(level(TASK)).toMatch(/ text "(7a){511}00"$/);
  });

  test("P2 text that does not fit flushes what is there; text longer than the buffer is cut; outside a probe ESTATE before EINVAL", () => {
    const small = [print("%40d", 7), print("12345678901234567890123456789012"), print("9"), print("%74d", 1)];
    expect(run(print("%"), enter(1, IRQ), ...small)).toEqual([ESTATE, 0n, 0n, 0n, 0n, 0n]);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 104 oldest 0", `record print irq probe 1 cpu0 sequence 0 "${"7".padStart(40)}12345678901234567890123456789012"`]);
    expect(level(IRQ)).toBe(`level irq probe 1 actions 12 strings 0 text "${" ".repeat(72)}"`);
    expect(ledger("probe 1 cpu0")).toBe("hit: attempted 1; record: attempted 2 delivered 1 full 1; cut 1");
  });

  test("P3 print_flush empties the buffer though the ring is full; an empty buffer offers nothing; outside a probe ESTATE", () => {
    const results = run(flush, enter(0), flush, print("%70d", 1), flush, print("lost, as too long"), flush, flush);
    expect(results).toEqual([ESTATE, 0n, 0n, 0n, 0n, 0n, EFULL, 0n]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; record: attempted 2 delivered 1 full 1");
  });

  test("P3 EBUDGET leaves the buffer as it is", () => {
    expect(run(enter(0), ...times(16, print("x")), flush, print("y")).slice(-2)).toEqual([EBUDGET, EBUDGET]);
    expect(level(TASK)).toBe(`level task probe 0 actions 0 exhausted strings 0 text "${"x".repeat(16)}"`);
  });

  test("P4 a probe that prints and never flushes sends one record at its exit", () => {
    run(enter(0), print("a"), print("b"), exit);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 40 oldest 0", 'record print task probe 0 cpu0 sequence 0 "ab"']);
  });

  /** The lines of print_map of a map that the operations fill. */
  function mapText(fill: Operation[], call: Operation): string[] {
    const result = runRoomy(...fill, enter(0), call).at(-1);
    const text = (level(TASK).match(/ text "(.*)"$/)?.[1] ?? "").replace(/\\([\\"])/g, "$1").split("\\x0a");
    expect([BigInt(text.length - 1), text.at(-1)]).toEqual([result, ""]);
    return text.slice(0, -1);
  }

  test("P5 print_map prints a line for each visit, in order; strings are quoted and escaped; statistics their fields", () => {
    expect(mapText([set(INTS, key(-1), 5n), set(INTS, key(7), INT64_MIN)], printMap(INTS, "insertion_desc"))).toEqual([`ints[7]=${INT64_MIN}`, "ints[-1]=5"]);
    expect(mapText([set(MIXED, key('a"\n', -3), 7n), set(MIXED, key("", 0), 0n)], printMap(MIXED, "insertion", { limit: 1n }))).toEqual(['mixed["a\\"\\n",-3]=7']);
    expect(mapText([set(NINE, key(1, "x", 2, 3, "y", 4, 5, 6, 7), 8n)], printMap(NINE))).toEqual(['nine[1,"x",2,3,"y",4,5,6,7]=8']);
    expect(mapText([setText(key(1), "a\\\x01")], printMap(TEXTS))).toEqual(['texts[1]="a\\\\\\001"']);
    expect(mapText([sample(NAMED, key("k"), -3), sample(NAMED, key("k"), 0)], printMap(NAMED))).toEqual(['named["k"] @count=2 @min=-3 @max=0 @sum=-3 @avg=-1']);
    expect(mapText([sample(TIMES, [], 3), onCpu(1, sample(TIMES, [], 5))], printMap(TIMES))).toEqual(["times @count=2 @min=3 @max=5 @sum=8 @avg=4"]);
    expect(mapText([sample(NAMED, key("k"), INT64_MAX), sample(NAMED, key("k"), INT64_MAX)], printMap(NAMED))).toEqual([`named["k"] @count=2 @min=${INT64_MAX} @max=${INT64_MAX} @sum=-2 @avg=${INT64_MAX}`]);
    expect(mapText([add(SUMS, key(1), 1n), onCpu(1, add(SUMS, key(1), 2n))], printMap(SUMS))).toEqual(["sums[1]=3"]);
    expect(mapText([], printMap(INTS))).toEqual([]);
  });

  test("P5 each map is printed by its name", () => {
    REPLAY_MAPS.forEach(({ name, keys, value }, map) => {
      const args = key(...keys.map((type) => (type === "string" ? "k" : 1)));
      const fill = value === "stats" ? sample(map, args, 1) : value === "string" ? setText(args, "v") : add(map, args, 1n);
      expect(mapText([fill], printMap(map))[0]).toMatch(new RegExp(`^${name}[[ ]`));
    });
  });

  test("P5 print_map removes as a walk does, takes an action for each visit, and flushes by P2", () => {
    const three = [1, 2, 3].map((part) => set(INTS, key(part), BigInt(part)));
    expect(run(...three, enter(0), printMap(INTS, "value", { remove: true, limit: 2n }))).toEqual([0n, 0n, 0n, 0n, 2n]);
    expect(level(TASK)).toBe('level task probe 0 actions 13 strings 0 text "ints[1]=1\\x0aints[2]=2\\x0a"');
    expect(entries("ints")).toEqual(["[3] 3"]);
    expect(run(...three, enter(0), ...times(14, print("12345")), printMap(INTS)).at(-1)).toBe(1n);
    expect(lines("ring cpu0")[1]).toBe(`record print task probe 0 cpu0 sequence 0 "${"12345".repeat(14)}"`);
    expect(level(TASK)).toBe('level task probe 0 actions 0 exhausted strings 0 text "ints[1]=1\\x0a"');
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; map: attempted 1 budget 1; record: attempted 1 delivered 1");
  });

  test("P5 P6 ESTATE, EBUDGET, EINVAL, EBUSY, and ENOENT for print_hist, in this order", () => {
    const bad = operation("print_map", { target: INTS, value: 63n });
    expect(run(bad, enter(0), onMap("map_hold", INTS), bad, printMap(INTS), ...times(14, flush), bad)).toEqual([ESTATE, 0n, 0n, EINVAL, EBUSY, ...times(14, 0n), EBUDGET]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; map: attempted 1 busy 1; record: attempted 1 budget 1");
    const held = [onCpu(1, onMap("map_hold", SIZES)), printHist(SIZES, 1), printHist(SIZES, "a"), onCpu(1, onMap("map_release", SIZES)), printHist(SIZES, "a")];
    expect(run(printHist(SIZES, 1), enter(0), ...held, ...times(13, flush), printHist(SIZES, 1))).toEqual([ESTATE, 0n, 0n, EINVAL, EBUSY, 0n, ENOENT, ...times(13, 0n), EBUDGET]);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; map: attempted 1 busy 1; record: attempted 1 budget 1");
  });

  test("P6 print_hist prints merged statistics, cuts the key, takes one action", () => {
    const samples = [sample(SIZES, key("1234567"), 3), onCpu(1, sample(SIZES, key("1234567"), 3))];
    expect(runRoomy(...samples, enter(0), printHist(SIZES, "12345678"))).toEqual([0n, 0n, 0n, 0n]);
    expect(level(TASK)).toContain("    0 |@@ ");
    expect(level(TASK)).toMatch(/^level task probe 0 actions 999 /);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; cut 1");
  });

  test("P6 P2 each line is one text: lines that the ring has no room for are lost and counted", () => {
    expect(run(sample(SIZES, key("a"), 3), enter(0), printHist(SIZES, "a"))).toEqual([0n, 0n, 0n]);
    expect(lines("ring cpu0")).toEqual(["ring cpu0 next 96 oldest 0", `record print task probe 0 cpu0 sequence 0 "value |${"-".repeat(50)} count\\x0a"`]);
    expect(level(TASK)).toBe(`level task probe 0 actions 15 strings 0 text "   10 |${" ".repeat(51)}0\\x0a\\x0a"`);
    expect(ledger("probe 0 cpu0")).toBe("hit: attempted 1; record: attempted 3 delivered 1 full 2");
    run(sample(TIMES, [], INT64_MIN), enter(0), printHist(TIMES));
    expect(ledger("probe 0 cpu0")).toMatch(/; cut 4$/); // lines of 79, 75, 75, 75 bytes; the last one goes with its newline
  });
});
