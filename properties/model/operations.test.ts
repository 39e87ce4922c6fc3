/** The model against SEMANTICS.md: worked examples with literal results. O: operations of a replay, their digests and dumps. */
import { beforeAll, describe, expect, test } from "vitest";
import { encodeBatch, operation, type Operation } from "../operations.ts";
import { formatDump } from "../dump.ts";
import { REPLAY_MAPS, type OperationName } from "../../spec/protocol.ts";
import { absorb, cpuWords, expectDigest, ledgerWords, mapWords, stringWords } from "./digest.ts";
import { EINVAL, INTS, SIZES, TASK, TEXTS, catchError, enter, exit, flush, get, key, loadModels, model, more, onCpu, onMap, onStrings, print, printHist, printMap, push, pushText, raise, read, resultsOf, run, sample, set, times } from "./testing.ts";

beforeAll(loadModels, 120_000);

describe("O: operations of a replay", () => {
  test("O1 text and arguments that an operation does not use change nothing", () => {
    const junk = { text: "junk", args: key(1, "x"), value: 77n, context: 200, target: 200 };
    expect(run(enter(0), operation("print_flush", junk), operation("probe_exit", junk), operation("map_size", { ...junk, target: INTS }))).toEqual([0n, 0n, 0n, 0n]);
    expect(run(operation("map_push", { ...junk, target: INTS }), operation("map_clear", { ...junk, target: INTS }))).toEqual([0n, 0n]);
  });

  test("O1 a batch of another protocol or other CPUs, or with a malformed operation, is refused", () => {
    const batch = encodeBatch([enter(0), print("%s", "abc")]);
    const broken = (at: number, byte: number): Uint8Array => batch.with(at, byte);
    const headers = [broken(0, 99), broken(4, 3), broken(8, 3)];
    const operations = [broken(18, 0), broken(18, 41), broken(32, 9), batch.subarray(0, -8), broken(batch.length - 8, 0)];
    const shapeless = encodeBatch([flush]).with(48, 0);
    const longer = Uint8Array.from([...encodeBatch([enter(0)]), ...times(8, 0)]).with(18, 48); // 8 bytes more than it holds
    const nul = [0, 7, 8].map((at) => print("x".repeat(9).split("").map((x, i) => (i === at ? "\0" : x)).join("")));
    run();
    for (const bad of [...headers, ...operations, shapeless, longer, ...nul.map((op) => encodeBatch([op]))]) {
      expect(() => model.run(bad)).toThrow("The model refuses the batch");
    }
    expect(() => model.run(encodeBatch([print("\x01\x80\xff\x01\x80\xff\x01\x80")]))).not.toThrow();
  });

  test("O2 an unknown code, CPU, context or target returns EINVAL, enters nothing and takes no action", () => {
    run(enter(0));
    const before = model.dump();
    const codes = [0, 7, 9, 26, 29, 44, 49, 51, 65535].map((code) => operation(`code_${code}`));
    const cpus = [onCpu(2, exit), onCpu(255, onMap("map_size", INTS)), onCpu(2, onStrings("str_find", "", ""))];
    const targets = [enter(0, 4), enter(2, TASK), onMap("map_size", 11), onMap("map_hold", 255), printMap(11), printHist(200)];
    expect(more(...codes, ...cpus, ...targets)).toEqual(times(18, EINVAL));
    expect(model.dump()).toEqual(before);
  });

  test("O2 more than 16 arguments are EINVAL", () => {
    const many = (name: OperationName): Operation => operation(name, { text: "%d".repeat(17), args: key(...times(17, 1)) });
    expect(run(enter(0), ...(["raise", "div", "map_add", "str_printf", "str_copy", "str_compare", "print_printf"] as const).map(many))).toEqual([0n, ...times(7, EINVAL)]);
  });

  test("O4 the digest of a batch absorbs result, outputs, component and ledger row of each operation", () => {
    run();
    const refused = [enter(9), onCpu(9, onMap("map_size", INTS)), onCpu(9, exit), onMap("map_size", 11), printMap(11), operation("code_99")];
    const batch = [set(INTS, key(-5), 6n), get(INTS, -5), enter(1), read(1n), printMap(INTS), raise("no"), catchError, ...refused];
    const ints = mapWords(0n, 1n, 0x4d02n, -5n, 6n);
    const ring = [0x5201n, 0n, 0n, 0n];
    const active = cpuWords(0n, { probe: 1n, actions: 16n });
    const printed = cpuWords(0n, { probe: 1n, actions: 14n, text: "ints[-5]=6\n" });
    const raised = cpuWords(0n, { probe: 1n, actions: 13n, text: "ints[-5]=6\n", message: "no" });
    const caught = cpuWords(0n, { probe: 1n, actions: 12n, text: "ints[-5]=6\n" });
    const words = [
      [0n, ...ints, ...ledgerWords(2n, 0n, { 10: 1n, 11: 1n })],
      [0n, 6n, ...ints, ...ledgerWords(2n, 0n, { 10: 1n, 11: 1n })],
      [0n, ...active, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [0n, ...active, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [1n, ...ints, ...printed, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [0n, ...raised, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [1n, ...stringWords("no"), ...caught, ...ring, ...ledgerWords(1n, 0n, { 0: 1n })],
      [EINVAL, ...caught, ...ring],
      [EINVAL, ...ints],
      [EINVAL],
      [EINVAL],
      [EINVAL, ...caught, ...ring],
      [EINVAL, ...caught, ...ring],
    ];
    let digest = 0n;
    const expected = words.map((list) => ({ result: list[0], digest: (digest = absorb(digest, list)) }));
    expect(resultsOf(model.run(encodeBatch(batch)))).toEqual(expected);
  });

  test("O4 a full dump joins the digest after every full_every operations of the session, across batches", () => {
    const ops = times(4, onMap("map_size", INTS));
    const words = [0n, ...mapWords(0n), ...ledgerWords(2n, 0n, {})];
    const rows = (cpu: bigint): bigint[] => [0n, 1n, 2n].flatMap((probe) => ledgerWords(probe, cpu, {}));
    const idle = [0n, 1n].flatMap((cpu) => [...cpuWords(cpu), 0x5201n, cpu, 0n, 0n, ...rows(cpu)]);
    const maps = REPLAY_MAPS.flatMap((map, i) => ["per_cpu" in map ? [...mapWords(BigInt(i)), 0x4d03n, 0n, 0n, 0n] : mapWords(BigInt(i))].flat());
    const digest = absorb(0n, [...words, ...words, ...words, ...maps, ...idle, ...words]);
    run();
    model.run(encodeBatch(ops.slice(0, 2), { fullEvery: 3 }));
    expect(resultsOf(model.run(encodeBatch(ops.slice(2), { fullEvery: 3 }))).at(-1)?.digest).toBe(digest);
    expect([...new BigUint64Array(model.dump().buffer)]).toEqual([...maps, ...idle]);
    expect(BigInt.asUintN(64, model.digest())).toBe(absorb(0n, [...maps, ...idle]));
  });

  test("O5 ring_read outputs each record it takes, pool strings are output", () => {
    run(enter(1), print("hello, ring"), flush);
    const record = [0x5202n, 1n, 0n, 1n, 0n, 0n, ...stringWords("hello, ring")];
    const row = { 0: 1n, 30: 1n, 31: 1n };
    expectDigest(read(5n), [1n, ...record, ...cpuWords(0n, { probe: 1n, actions: 14n }), 0x5201n, 0n, 48n, 48n, ...ledgerWords(1n, 0n, row)]);
    const strings = { ...row, 20: 1n, 21: 1n };
    expectDigest(onStrings("str_concat", "12345678", "9"), [0n, ...stringWords("123456789"), ...cpuWords(0n, { probe: 1n, actions: 13n, strings: 1n }), 0x5201n, 0n, 48n, 48n, ...ledgerWords(1n, 0n, strings)]);
  });

  test("O6 parts of a per-CPU map, statistics with buckets, positions and holders in words", () => {
    run(onCpu(1, sample(SIZES, key("a"), -1)), onCpu(1, onMap("map_hold", SIZES)), push(TEXTS as number, 1n), pushText(TEXTS, "v"));
    const part = [0x4d03n, 2n, 0n, 1n, 0x4d02n, 1n, 0x61n, 0x5301n, 1n, -1n, -1n, -1n, -1n, 1n, 0n, 1n, 1n, 0n];
    const counts = { 10: 1n, 11: 1n };
    expectDigest(onMap("map_size", SIZES), [1n, 0x4d01n, 9n, 0x4d03n, 0n, 0n, 0n, ...part, ...ledgerWords(2n, 0n, counts)]);
    expectDigest(onMap("map_size", TEXTS), [1n, 0x4d01n, 5n, 0x4d03n, 0n, 1n, 1n, 0x4d02n, 0n, 1n, 0x76n, ...ledgerWords(2n, 0n, counts)]);
  });

  test("O6 a fresh session dumps empty maps and two idle CPUs", () => {
    run();
    const cpu = (n: number): string[] => [
      `cpu${n} active 0`,
      ...["task", "softirq", "irq", "nmi"].map((level) => `  level ${level} inactive`),
      `ring cpu${n} next 0 oldest 0`,
      ...["0", "1", "none"].map((probe) => `ledger probe ${probe} cpu${n}`),
    ];
    const maps = REPLAY_MAPS.flatMap((map) => [`map ${map.name}`, "  part 0 size 0", ...("per_cpu" in map ? ["  part 1 size 0"] : [])]);
    expect(formatDump(model.dump())).toEqual([...maps, ...cpu(0), ...cpu(1)]);
  });
});
