/**
 * Members of structures in BTF blobs and functions in ELF files, as the C finds them under sanitizers: what is encoded here is found
 * again, what this machine's kernel and compiler made is found, and what is damaged is read without a step outside.
 *
 * Sibling: runtime-c/port/native/blobs_main.c is the other side
 */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cachedFile, contentHash } from "../../spec/cache.ts";
import { ERRORS } from "../../spec/protocol.ts";
import { PROJECT_ROOT, runtimeSources } from "../../spec/runtime.ts";
import { runChild } from "../../properties/mutant-stages.ts";

const RUN_MS_MAX = 100_000;
const PARSERS = ["btf", "elf"].map((unit) => `runtime-c/port/kernel/${unit}`);
const UNITS = [...PARSERS.map((path) => `${path}.c`), "kernel-harness/blobs/blobs_main.c"];
const FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const KERNEL = "/sys/kernel/btf/vmlinux";
const ENOENT = -ERRORS.ENOENT.code;
const EINVAL = -ERRORS.EINVAL.code;

let program = "";
beforeAll(async () => {
  const { files: native, includes } = runtimeSources("native");
  const parsers = PARSERS.flatMap((path) => [`${path}.c`, `${path}.h`]).map((path) => [path, readFileSync(PROJECT_ROOT + path, "utf8")] as const);
  const files = { ...native, ...Object.fromEntries(parsers) };
  program = await cachedFile("native", contentHash([...FLAGS, ...Object.entries(files).filter(([path]) => UNITS.includes(path) || path.endsWith(".h")).flat()]), async (path) => {
    await promisify(execFile)("gcc", [...FLAGS, ...includes.map((include) => `-I${include}`), ...UNITS, "-o", path], { cwd: PROJECT_ROOT });
  });
});

interface Request {
  /** find, list, time in a BTF blob; e: function in an ELF file; B, E: all damages of one. */
  readonly what: "f" | "l" | "t" | "e" | "B" | "E";
  readonly blob: Uint8Array;
  readonly first: string;
  readonly second?: string;
  readonly atOnce?: number;
}

/** The line of each request. */
async function ask(requests: readonly Request[]): Promise<string[]> {
  const input = requests.flatMap(({ what, blob, first, second = "", atOnce = 0 }) => {
    const texts = [`${first}\0`, `${second}\0`].map((text) => Buffer.from(text));
    const head = Uint32Array.of(what.charCodeAt(0), blob.length, texts[0]!.length, texts[1]!.length, atOnce);
    return [Buffer.from(head.buffer), blob, ...texts];
  });
  const { how, stdout, stderr } = await runChild(program, [], { input: Buffer.concat(input), ms_max: RUN_MS_MAX });
  expect(`${how} ${stderr.slice(0, 3000)}`.trim()).toBe("");
  return stdout.toString().split("\n").slice(0, -1);
}

// ---- BTF, encoded

/** A type: its place among all of them is its id. Numbers are as in the format. */
interface Type {
  readonly kind: number;
  readonly name?: string;
  readonly flag?: boolean;
  readonly count?: number;
  /** Its size, or the type that it refers to; undefined there: void. */
  readonly size?: number;
  readonly to?: Type | undefined;
  readonly body?: (id: (type: Type | undefined) => number, text: (text: string) => number) => number[];
}

interface Member {
  readonly name: string;
  readonly type: Type;
  readonly at: number;
  /** Width of a bitfield, as the structure says it. */
  readonly bits?: number;
}

const [INT, POINTER, ARRAY, STRUCT, UNION, ENUM, FORWARD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNCTION, PROTOTYPE, VARIABLE, SECTION, FLOAT, DECLARATION_TAG, TYPE_TAG, ENUM64] = Array.from({ length: 19 }, (_, i) => i + 1) as [number, number, number, number, number, number, number, number, number, number, number, number, number, number, number, number, number, number, number];
const SIGNED = 1;

const int = (size: number, encoding = 0, bits = size * 8, offset = 0): Type => ({ kind: INT, name: `int${size}`, size, body: () => [((encoding << 24) | (offset << 16) | bits) >>> 0] });
const pointer = (to?: Type): Type => ({ kind: POINTER, to });
const array = (of: Type, length: number): Type => ({ kind: ARRAY, size: 0, body: (id) => [id(of), id(of), length] });
const wrapped = (kind: number, to: Type): Type => ({ kind, to, name: kind === TYPEDEF ? "a_t" : kind === TYPE_TAG ? "user" : "" });
const enumeration = (size: number, flag: boolean): Type => ({ kind: ENUM, size, flag, count: 2, body: (_, text) => [text("A"), 0, text("B"), 1] });
const enumeration64 = (size: number, flag: boolean): Type => ({ kind: ENUM64, size, flag, count: 1, body: (_, text) => [text("C"), 1, 2] });
const float = (size: number): Type => ({ kind: FLOAT, name: "double", size });
const structure = (name: string, size: number, members: readonly Member[], { kind = STRUCT, flag = false } = {}): Type => ({
  kind, name, size, flag, count: members.length,
  body: (id, text) => members.flatMap(({ name, type, at, bits = 0 }) => [text(name), id(type), (flag ? (bits << 24) | at : at) >>> 0]),
});

/** All types that the encoder may be asked for, in any order. */
function encode(types: readonly Type[]): Buffer {
  let strings = "\0";
  const places = new Map<string, number>([["", 0]]);
  const text = (of: string): number => {
    if (!places.has(of)) {
      places.set(of, strings.length);
      strings += `${of}\0`;
    }
    return places.get(of)!;
  };
  const ids = new Map(types.map((type, i) => [type, i + 1]));
  const id = (type: Type | undefined): number => (type === undefined ? 0 : ids.get(type)!);
  const words = types.flatMap(({ kind, name = "", flag = false, count = 0, size, to, body }) => [text(name), ((flag ? 0x80000000 : 0) | (kind << 24) | count) >>> 0, size ?? id(to), ...(body?.(id, text) ?? [])]);
  const head = Buffer.alloc(24);
  head.writeUInt16LE(0xeb9f, 0);
  head.writeUInt8(1, 2);
  [24, 0, words.length * 4, words.length * 4, strings.length].forEach((word, i) => head.writeUInt32LE(word, 4 + i * 4));
  return Buffer.concat([head, Buffer.from(Uint32Array.from(words).buffer), Buffer.from(strings)]);
}

interface Found {
  readonly at: number;
  readonly size: number;
  readonly bits?: number;
  readonly is?: "signed" | "string" | "pointer" | undefined;
}

const line = ({ at, size, bits = 0, is }: Found): string => `0 ${at} ${size} ${bits} ${["signed", "string", "pointer"].map((what) => Number(what === is)).join(" ")}`;
const missing = (size: number): string => `${ENOENT} 0 ${size} 0 0 0 0`;
const DAMAGED = `${EINVAL} 0 0 0 0 0 0`;

/** A blob with everything that a lookup has rules for. */
function samples(): { readonly blob: Buffer; readonly found: Readonly<Record<string, string>> } {
  const [u8, u32, s64, half, third, bool] = [int(1), int(4), int(8, SIGNED), int(4, 0, 3), int(4, SIGNED, 5, 3), int(1, 4)];
  const [constant, typedef, chain] = [wrapped(CONST, s64), wrapped(TYPEDEF, u32), [] as Type[]];
  for (let i = 0; i < 63; i++) chain.push(wrapped([TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG][i % 5]!, chain.at(-1) ?? u32));
  const [tooLong, endless] = [wrapped(CONST, chain.at(-1)!), { kind: TYPEDEF, name: "endless", to: undefined as Type | undefined }];
  endless.to = endless;
  const [words, comm, open, name] = [array(u32, 3), array(u8, 16), array(u8, 0), wrapped(TYPEDEF, u8)];
  const [names, table] = [array(name, 7), array(comm, 4)];
  const [tag, signedTag, wide, signedWide, real] = [enumeration(4, false), enumeration(2, true), enumeration64(8, false), enumeration64(8, true), float(8)];
  const [any, text] = [pointer(), pointer(u8)];
  const flags = structure("", 4, [{ name: "low", type: u32, at: 0, bits: 3 }, { name: "high", type: typedef, at: 3, bits: 29 }], { flag: true });
  const inner = structure("", 8, [{ name: "left", type: u32, at: 0 }, { name: "", type: flags, at: 32 }]);
  const either = structure("", 8, [{ name: "whole", type: s64, at: 0 }, { name: "", type: inner, at: 0 }], { kind: UNION });
  const cover = wrapped(CONST, either);
  const entity = structure("entity", 24, [{ name: "load", type: u32, at: 0 }, { name: "sum", type: s64, at: 64 }, { name: "", type: either, at: 128 }]);
  const embedded = wrapped(TYPEDEF, entity);
  const row = array(entity, 2);
  const kinds: [string, Type, number, Found["is"]][] = [
    ["u8", u8, 1, undefined], ["u32", u32, 4, undefined], ["s64", s64, 8, "signed"], ["bool", bool, 1, undefined], ["constant", constant, 8, "signed"], ["typedef", typedef, 4, undefined],
    ["chained", chain.at(-1)!, 4, undefined], ["words", words, 12, undefined], ["comm", comm, 16, "string"], ["names", names, 7, "string"], ["table", table, 64, undefined],
    ["tag", tag, 4, undefined], ["signed_tag", signedTag, 2, "signed"], ["wide", wide, 8, undefined], ["signed_wide", signedWide, 8, "signed"], ["real", real, 8, undefined],
    ["any", any, 8, "pointer"], ["text", text, 8, "pointer"], ["se", embedded, 24, undefined], ["row", row, 48, undefined],
  ];
  const members: Member[] = [];
  const found: Record<string, string> = {};
  let at = 0;
  for (const [member, type, size, is] of kinds) {
    members.push({ name: member, type, at });
    found[member] = line({ at, size, is });
    if (member === "se") {
      found["se.load"] = line({ at, size: 4 });
      found["se.sum"] = line({ at: at + 64, size: 8, is: "signed" });
      found["se.high"] = line({ at: at + 128 + 32 + 3, size: 4, bits: 29 });
    }
    at += size * 8;
  }
  members.push({ name: "", type: cover, at }, { name: "half", type: half, at: at + 64 }, { name: "third", type: third, at: at + 64 });
  Object.assign(found, { left: line({ at, size: 4 }), whole: line({ at, size: 8, is: "signed" }), low: line({ at: at + 32, size: 4, bits: 3 }), high: line({ at: at + 35, size: 4, bits: 29 }) });
  Object.assign(found, { half: line({ at: at + 64, size: 4, bits: 3 }), third: line({ at: at + 67, size: 4, bits: 5, is: "signed" }) });
  members.push({ name: "endless", type: endless, at: 0 }, { name: "too_long", type: tooLong, at: 0 }, { name: "outside", type: s64, at: at + 96 }, { name: "", type: u32, at }, { name: "open", type: open, at: at + 128 });
  const size = at / 8 + 16;
  Object.assign(found, { endless: DAMAGED, too_long: DAMAGED, outside: DAMAGED, open: line({ at: at + 128, size: 0, is: "string" }) });
  for (const path of ["", ".", "no", "se.", ".se", "se.no", "se.load.x", "any.x", "row.load", "comm.x", "u", "u88", "task"]) found[path] = missing(size);
  const task = structure("task", size, members);
  const others: Type[] = [
    { kind: FORWARD, name: "task", size: 0 }, { kind: TYPEDEF, name: "task", to: u32 }, { kind: FUNCTION, name: "task", to: undefined, count: 1 },
    { kind: PROTOTYPE, to: undefined, count: 1, body: (id, text) => [text("x"), id(u32)] }, { kind: VARIABLE, name: "task", to: u32, body: () => [1] },
    { kind: SECTION, name: ".data", size: 8, count: 1, body: () => [1, 0, 4] }, { kind: DECLARATION_TAG, name: "task", to: u32, body: () => [0xffffffff] },
  ];
  const later = structure("task", 4, [{ name: "later", type: u32, at: 0 }]);
  found["later"] = missing(size);
  const blob = encode([...others, task, later, entity, either, cover, inner, flags, u8, u32, s64, half, third, bool, constant, typedef, ...chain, tooLong, endless, words, comm, name, names, table, open, tag, signedTag, wide, signedWide, real, any, text, embedded, row]);
  return { blob, found };
}

/** Structures of anonymous ones in each other, `depth` of them with the outermost. */
function nested(depth: number): Buffer {
  const value = int(4);
  const all: Type[] = [structure("", 4, [{ name: "deep", type: value, at: 0 }])];
  for (let i = 2; i <= depth; i++) all.push(structure(i === depth ? "outer" : "", 4, [{ name: "", type: all.at(-1)!, at: 0 }]));
  return encode([value, ...all]);
}

describe("BTF", () => {
  test("each rule: kinds, chains, bitfields of both encodings, paths, anonymous ones, what is missing", async () => {
    const { blob, found } = samples();
    const paths = Object.keys(found);
    const lines = await ask(paths.map((second) => ({ what: "f", blob, first: "task", second })));
    expect(Object.fromEntries(paths.map((path, i) => [path, lines[i]]))).toEqual(found);
    const [members, none, unnamed] = await ask([{ what: "l", blob, first: "task" }, { what: "l", blob, first: "nothing" }, { what: "f", blob, first: "", second: "left" }]);
    const names = ["whole", "left", "low", "high"];
    expect(members!.trim().split(" ")).toEqual([...paths.slice(0, paths.indexOf("left")).filter((path) => !path.includes(".")), ...names, "half", "third", "endless", "too_long", "outside", "open", "0"]);
    expect([none, unnamed]).toEqual([` ${ENOENT}`, missing(0)]);
  });

  test("other headers: longer, of another version or byte order, sections outside or without an end", async () => {
    const { blob } = samples();
    const changed = (change: (copy: Buffer) => void): Buffer => {
      const copy = Buffer.from(blob);
      change(copy);
      return copy;
    };
    const longer = Buffer.concat([blob.subarray(0, 24), Buffer.alloc(8, 0xff), blob.subarray(24)]);
    longer.writeUInt32LE(32, 4);
    const wrong = [
      changed((copy) => copy.writeUInt16BE(0xeb9f, 0)), changed((copy) => copy.writeUInt8(2, 2)), changed((copy) => copy.writeUInt8(1, 3)),
      changed((copy) => copy.writeUInt32LE(20, 4)), changed((copy) => copy.writeUInt32LE(0xfffffff0, 4)), changed((copy) => copy.writeUInt32LE(0xfffffffc, 8)),
      changed((copy) => copy.writeUInt32LE(0xfffffffc, 12)), changed((copy) => copy.writeUInt32LE(0, 20)), changed((copy) => copy.writeUInt8(120, copy.length - 1)),
      changed((copy) => copy.writeUInt8(31, 24 + 7)), changed((copy) => copy.writeUInt8(1, 24 + 6)), Buffer.alloc(0),
    ];
    const lines = await ask([longer, ...wrong].map((blob) => ({ what: "f", blob, first: "task", second: "u8" })));
    expect(lines).toEqual([line({ at: 0, size: 1 }), ...wrong.map(() => DAMAGED)]);
  });

  test("members end: of 16 structures in each other, of one in itself, of the same many times, of one that is cut off", async () => {
    const self = { kind: STRUCT, name: "self", size: 4, count: 300, body: (id: (type: Type) => number): number[] => Array.from({ length: 300 }, () => [0, id(self as Type), 0]).flat() };
    const lines = await ask([
      { what: "f", blob: nested(16), first: "outer", second: "deep" },
      { what: "f", blob: nested(17), first: "outer", second: "deep" },
      { what: "f", blob: encode([self as Type]), first: "self", second: "x" },
    ]);
    expect(lines).toEqual([line({ at: 0, size: 4 }), DAMAGED, DAMAGED]);
    // 60 to the power of 9 members to visit, if each were.
    const wide: Type[] = [structure("", 4, [])];
    for (let i = 1; i < 10; i++) {
      const inner = wide.at(-1)!;
      wide.push(structure(i === 9 ? "wide" : "", 4, Array.from({ length: 60 }, () => ({ name: "", at: 0, type: inner }))));
    }
    const cut: Type = { kind: STRUCT, name: "cut", size: 4, count: 0xffff };
    expect(await ask([{ what: "f", blob: encode(wide), first: "wide", second: "x" }, { what: "f", blob: encode([cut]), first: "cut", second: "x" }])).toEqual([DAMAGED, DAMAGED]);
  });

  test("every truncation, every bit and every byte turned over", async () => {
    const { blob } = samples();
    expect(await ask([{ what: "B", blob, first: "task", second: "se.high" }])).toEqual([String(blob.length * 10)]);
  });

  test("random structures: each path leads where it was laid", async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(0xffff)), fc.integer({ min: 3, max: 40 }), async (stream, budget) => {
        const { blob, found } = randomBlob((below) => stream.next().value! % below, budget);
        const lines = await ask(Object.keys(found).map((second) => ({ what: "f", blob, first: "outer", second })));
        expect(Object.fromEntries(Object.keys(found).map((path, i) => [path, lines[i]]))).toEqual(found);
      }),
      { numRuns: 60 },
    );
  });

  test("random damage returns", async () => {
    const { blob } = samples();
    const flips = fc.array(fc.tuple(fc.nat(blob.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(flips, { minLength: 40, maxLength: 40 }), async (all) => {
        const requests = all.map((flips): Request => {
          const copy = Buffer.from(blob);
          for (const [at, value] of flips) copy.writeUInt8(value, at);
          return { what: "f", blob: copy, first: "task", second: "se.sum" };
        });
        expect((await ask(requests)).length).toBe(requests.length);
      }),
      { numRuns: 25 },
    );
  });

  // Where a kernel has no BTF, the encoder's blobs above stand for it.
  test.runIf(existsSync(KERNEL))("this machine's kernel", async () => {
    const blob = readFileSync(KERNEL);
    const lines = await ask(["pid", "comm", "se.sum_exec_runtime", "mm", "no_such_member"].map((second) => ({ what: "f", blob, first: "task_struct", second })));
    const size = Number(lines[4]!.split(" ")[2]);
    expect(size).toBeGreaterThan(1000);
    expect(lines.map((line) => line.split(" ").filter((_, i) => i !== 1).join(" "))).toEqual(["0 4 0 1 0 0", "0 16 0 0 1 0", "0 8 0 0 0 0", "0 8 0 0 0 1", `${ENOENT} ${size} 0 0 0 0`]);
    for (const line of lines) expect(Number(line.split(" ")[1])).toBeLessThan(size * 8);
    const [members, timed] = await ask([{ what: "l", blob, first: "task_struct" }, { what: "t", blob, first: "task_struct", second: "se.sum_exec_runtime" }]);
    expect(members!.split(" ")).toEqual(expect.arrayContaining(["pid", "comm", "se"]));
    expect(Number(timed!.split(" ")[0])).toBeGreaterThan(10_000);
  });
});

/** A structure of random members, and the line of each path in it. */
function randomBlob(below: (limit: number) => number, budget: number): { readonly blob: Buffer; readonly found: Record<string, string> } {
  const types: Type[] = [];
  const found: Record<string, string> = {};
  let names = 0;
  const add = <T extends Type>(type: T): T => {
    types.splice(below(types.length + 1), 0, type); // before or behind what refers to it
    return type;
  };
  /** What is asked of a type that no path goes through. */
  const leaf = (): { readonly type: Type; readonly size: number; readonly is?: Found["is"]; readonly integer?: boolean } => {
    const size = 1 << below(4);
    const signed = below(2) === 1;
    const is = signed ? { is: "signed" as const } : {};
    const length = below(9);
    switch (below(7)) {
      case 0:
      case 1:
        return { type: add(int(size, signed ? SIGNED : 0)), size, integer: true, ...is };
      case 2:
        return { type: add(enumeration(size, signed)), size, integer: true, ...is };
      case 3:
        return { type: add(enumeration64(8, signed)), size: 8, integer: true, ...is };
      case 4:
        return { type: add(pointer()), size: 8, is: "pointer" };
      case 5:
        return { type: add(array(wrap(add(int(size))), length)), size: size * length, ...(size === 1 ? { is: "string" as const } : {}) };
      default:
        return { type: add(array(add(array(add(int(1)), 2)), length)), size: 2 * length };
    }
  };
  const wrap = (type: Type): Type => (below(2) ? type : wrap(add(wrapped([TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG][below(5)]!, type))));
  /** Builds a structure whose members' paths begin with `prefix`; gives what is in it once its own place is known. */
  const build = (name: string, depth: number): { readonly type: Type; readonly size: number; readonly paths: readonly [string, Found][] } => {
    const kind = below(3) ? STRUCT : UNION;
    const flag = below(2) === 1;
    const members: Member[] = [];
    const paths: [string, Found][] = [];
    let [end, largest] = [0, 0];
    for (let count = 1 + below(6); count > 0 && budget > 0; count--, budget--) {
      const at = (kind === UNION ? 0 : end) + below(3) * 8;
      const member = `m${names++}`;
      if (depth < 6 && below(3) === 0) {
        const anonymous = below(2) === 1;
        const inner = build(anonymous ? "" : ["", "named"][below(2)]!, depth + 1);
        members.push({ name: anonymous ? "" : member, type: wrap(inner.type), at });
        if (!anonymous) paths.push([member, { at, size: inner.size }]);
        for (const [path, place] of inner.paths) paths.push([anonymous ? path : `${member}.${path}`, { ...place, at: at + place.at }]);
        end = at + inner.size * 8;
      } else {
        const { type, size, is, integer = false } = leaf();
        const bits = integer && below(2) ? 1 + below(size * 8 - 1) : 0;
        if (bits && flag) {
          members.push({ name: member, type: wrap(type), at, bits });
          paths.push([member, { at, size, bits, is }]);
        } else if (bits && size > 1) {
          const offset = below(size * 8 - bits + 1);
          const signed = below(2) === 1;
          members.push({ name: member, type: wrap(add(int(size, signed ? SIGNED : 0, bits, offset))), at });
          paths.push([member, { at: at + offset, size, bits, ...(signed ? { is: "signed" } : {}) }]);
        } else {
          members.push({ name: member, type: wrap(type), at });
          paths.push([member, { at, size, is }]);
        }
        end = at + size * 8;
      }
      largest = Math.max(largest, end);
    }
    const size = largest / 8 + below(4);
    return { type: add(structure(name, size, members, { kind, flag })), size, paths };
  };
  const { size, paths } = build("outer", 0);
  for (const [path, place] of paths) found[path] = line(place);
  for (const [path] of paths.slice(0, 3)) found[`${path}x`] = missing(size);
  return { blob: encode(types), found };
}

// ---- ELF, compiled

const LIBRARY = `
static int hidden(int x) { return x * 3; }
__attribute__((noinline)) int shown(int x) { return hidden(x) + 1; }
int a_function_with_a_name_that_is_longer_than_what_is_read_at_once_of_a_name_in_a_file(int x) { return x; }
int value = 3;
extern int elsewhere(int);
int user(int x) { return elsewhere(x); }
`;
/** A local function of the same name comes before the global one in the table. */
const SECOND = `static __attribute__((used, noinline)) int shown(int x) { return x * 7; } int third(int x) { return shown(x); }`;
const MAIN = `int elsewhere(int x) { return x + 2; } int shown(int); int main(void) { return shown(1); }`;
const NAMES = ["shown", "hidden", "user", "third", "elsewhere", "main", "value", "show", "shownn", "", "a_function_with_a_name_that_is_longer_than_what_is_read_at_once_of_a_name_in_a_file", "a_function_with_a_name_that_is_longer_than_what_is_read_at_once_of_a_name_in_a_filf"];

const BUILDS: Readonly<Record<string, readonly string[]>> = {
  "static-pie": ["-static-pie"],
  static: ["-static", "-no-pie"],
  "position-independent": ["-pie", "-fPIE"],
  fixed: ["-no-pie"],
  "a library": ["-shared", "-fPIC"],
  "a stripped library": ["-shared", "-fPIC", "-s"],
};

describe("ELF", () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "stp-blobs-"));
    for (const [name, text] of Object.entries({ "first.c": LIBRARY, "second.c": SECOND, "main.c": MAIN })) writeFileSync(join(directory, name), text);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const run = (command: string, args: readonly string[]): string => execFileSync(command, args, { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 26 });
  const build = (flags: readonly string[], to: string): Buffer => {
    run("gcc", ["-O0", ...flags, "second.c", "first.c", ...(flags.includes("-shared") ? [] : ["main.c"]), "-o", to]);
    return readFileSync(join(directory, to));
  };

  /** What readelf and nm say of a function. */
  function expected(file: string, name: string): string {
    const symbols = run("nm", [...(run("readelf", ["-SW", file]).includes(".symtab") ? [] : ["-D"]), file]).split("\n").map((line) => line.split(" "));
    const named = symbols.filter(([, kind, symbol]) => symbol === name && /^[TtW]$/.test(kind!));
    const address = (named.find(([, kind]) => kind !== "t") ?? named[0])?.[0];
    if (address === undefined) return `${ENOENT} 0`;
    const at = BigInt(`0x${address}`);
    for (const [, offset, start, size] of run("readelf", ["-lW", file]).matchAll(/^\s+LOAD\s+(0x\w+)\s+(0x\w+)\s+0x\w+\s+(0x\w+)/gm)) {
      if (at >= BigInt(start!) && at < BigInt(start!) + BigInt(size!)) return `0 ${at - BigInt(start!) + BigInt(offset!)}`;
    }
    throw new Error(`${name} is in no segment`);
  }

  test.each(Object.entries(BUILDS))("%s: functions are where nm and readelf say", async (_, flags) => {
    const blob = build(flags, "subject");
    const want = NAMES.map((name) => expected("subject", name));
    expect(want[0]).not.toBe(`${ENOENT} 0`);
    expect(await ask(NAMES.map((first) => ({ what: "e", blob, first })))).toEqual(want);
    expect(await ask(NAMES.map((first) => ({ what: "e", blob, first, atOnce: 5 })))).toEqual(want);
  });

  test("only what it can read: no other order, no object file, no file for debuggers, no sections", async () => {
    const blob = build(["-shared", "-fPIC"], "subject");
    run("gcc", ["-c", "first.c", "-o", "object.o"]);
    run("objcopy", ["--only-keep-debug", "subject", "subject.debug"]);
    const foreign = Buffer.from(blob);
    foreign.writeUInt8(2, 5);
    const sectionless = Buffer.from(blob);
    sectionless.writeBigUInt64LE(0n, 40);
    const blobs = [foreign, readFileSync(join(directory, "object.o")), readFileSync(join(directory, "subject.debug")), sectionless, Buffer.alloc(0), Buffer.from("#!/bin/sh\n")];
    expect(await ask(blobs.map((blob) => ({ what: "e", blob, first: "shown" })))).toEqual([EINVAL, EINVAL, ENOENT, ENOENT, EINVAL, EINVAL].map((error) => `${error} 0`));
  });

  test("32 bits", async () => {
    const blob = narrow();
    expect(await ask(["far", "near", "data", "gone", "five", "absent"].map((first) => ({ what: "e", blob, first })))).toEqual([`0 ${0x120}`, `0 ${0x110}`, ...Array.from({ length: 4 }, () => `${ENOENT} 0`)]);
    expect(await ask([{ what: "E", blob, first: "far" }])).toEqual([String(blob.length * 10)]);
  });

  // Without the padding between its pages each byte of a library is tried in little time.
  test.each([["with .symtab", []], ["with .dynsym only", ["-s"]]])("every truncation, every bit and every byte of a library %s turned over", async (_, flags) => {
    run("gcc", ["-O0", "-shared", "-fPIC", "-nostdlib", ...flags, "-Wl,-z,noseparate-code,-z,max-page-size=64,--build-id=none", "first.c", "-o", "small"]);
    const blob = readFileSync(join(directory, "small"));
    expect(await ask([{ what: "e", blob, first: "shown" }, { what: "E", blob, first: "shown" }])).toEqual([expected("small", "shown"), String(blob.length * 10)]);
  });
});

/** A file of 32 bits: two functions and a datum in one segment. No compiler of this machine need make them. */
function narrow(): Buffer {
  const blob = Buffer.alloc(0x300);
  const words = (at: number, ...values: number[]): void => values.forEach((value, i) => blob.writeUInt32LE(value, at + 4 * i));
  const halves = (at: number, ...values: number[]): void => values.forEach((value, i) => blob.writeUInt16LE(value, at + 2 * i));
  blob.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  halves(16, 2, 40);
  words(20, 1, 0x8110, 52, 0x200, 0);
  halves(40, 52, 32, 1, 40, 3, 0);
  words(52, 1, 0x100, 0x8100, 0x8100, 0x40, 0x40, 5, 1);
  const symbol = (n: number, name: number, value: number, kind: number, section = 1): void => {
    words(0x140 + 16 * n, name, value, 4, 0);
    blob.writeUInt8(0x10 | kind, 0x140 + 16 * n + 12);
    halves(0x140 + 16 * n + 14, section);
  };
  symbol(0, 0, 0, 0, 0);
  symbol(1, 1, 0x8110, 2);
  symbol(2, 6, 0x8120, 2);
  symbol(3, 10, 0x8130, 1);
  symbol(4, 15, 0x8118, 2, 0); // defined elsewhere
  symbol(5, 20, 0x8118, 2, 0xfff1); // a number
  blob.write("\0near\0far\0data\0gone\0five\0", 0x1a0, "latin1");
  const section = (n: number, type: number, at: number, size: number, link: number, each: number): void => words(0x200 + 40 * n, 0, type, 0, 0, at, size, link, 0, 4, each);
  section(1, 2, 0x140, 96, 2, 16);
  section(2, 3, 0x1a0, 25, 0, 0);
  return blob;
}
