/**
 * Frames of kernel reports get file and line: `name+0x12/0x34 [module]` by the module's .ko, `name+0x12/0x34` by vmlinux.
 *
 * By name and offset, so that it does not matter where the module lay. What is not known stays as it is.
 * Siblings: console.ts finds the reports.
 */
import { existsSync } from "node:fs";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import type { KernelReport } from "./console.ts";
import { needProgram, runProcess } from "./process.ts";

/** From the first question to the last answer: debug information of a whole kernel takes some seconds to read. */
const ANSWER_MS_MAX = 60_000;
const ADDRESSES_MAX = 2000;

/** Files with debug information. */
export interface DebugFiles {
  /** The .ko of a module, by its name. */
  readonly modules: Readonly<Record<string, string>>;
  readonly vmlinux?: string;
  /** Path of the addr2line that knows their architecture; without it, this machine's own. */
  readonly addr2line?: string;
}

/** `name+0x12/0x34`, or `.text+0x12` where only the section is known; with a module or without. */
const FRAME = /(\.?[A-Za-z_][\w.]*)\+0x([0-9a-f]+)(?:\/0x([0-9a-f]+))?(?: \[(\w+)(?: [0-9a-f]+)?\])?/g;

/** The report, its frames with ` (file.c:12)` behind them. */
export async function symboliseReport(report: KernelReport, files: DebugFiles): Promise<KernelReport> {
  return { ...report, text: await symbolise(report.text, files) };
}

/** The text, its frames with ` (file.c:12)` behind them; paths of the project are relative to it. Never throws: a report without lines is better than none. */
export async function symbolise(text: string, files: DebugFiles): Promise<string> {
  const frames = [...text.matchAll(FRAME)].slice(0, ADDRESSES_MAX).map((match) => frameOf(match, text));
  const places = new Map<string, string>();
  const objects = new Set(frames.map(({ module }) => module));
  for (const module of objects) {
    const path = module === undefined ? files.vmlinux : files.modules[module];
    if (path === undefined) continue;
    const found = await placesIn(path, frames.filter((frame) => frame.module === module), files.addr2line).catch(() => []); // no binutils, or they failed
    for (const [frame, place] of found) places.set(frame, place);
  }
  return text.replace(FRAME, (frame) => (places.has(frame) ? `${frame} (${places.get(frame)})` : frame));
}

interface Frame {
  readonly text: string;
  readonly name: string;
  readonly offset: number;
  /** Of the function, with what fills up behind it; undefined if it is not said. */
  readonly size: number | undefined;
  readonly module: string | undefined;
  /** It is where the CPU stood, not where it will return to. */
  readonly exact: boolean;
}

function frameOf(match: RegExpMatchArray, text: string): Frame {
  const [frame, name = "", offset = "", size, module] = match;
  const line = text.slice(text.lastIndexOf("\n", match.index) + 1, match.index);
  return { text: frame, name, offset: parseInt(offset, 16), size: size === undefined ? undefined : parseInt(size, 16), module, exact: /\b(?:RIP|EIP|pc|PC|PSW)\b/.test(line) };
}

interface Symbol {
  readonly section: string;
  readonly address: bigint;
  /** Up to the next symbol, as kallsyms has it. */
  readonly size: bigint;
}

/** What is known of frames of one object, by their text. */
async function placesIn(path: string, frames: readonly Frame[], addr2line: string | undefined): Promise<Map<string, string>> {
  const symbols = await readSymbols(path, new Set(frames.map(({ name }) => name)));
  const asked = new Map<string, { frame: Frame; address: bigint }[]>();
  for (const frame of frames) {
    const symbol = symbolOf(frame, symbols);
    if (!symbol) continue;
    const address = symbol.address + BigInt(frame.offset) - (frame.exact || frame.offset === 0 ? 0n : 1n); // the call, not what comes after it
    asked.set(symbol.section, [...(asked.get(symbol.section) ?? []), { frame, address }]);
  }
  const places = new Map<string, string>();
  for (const [section, questions] of asked) {
    const answers = await askFor(addr2line ?? needProgram("addr2line", "binutils"), path, section, questions.map(({ address }) => address));
    questions.forEach(({ frame }, i) => {
      const place = answers[i];
      if (place !== undefined && !places.has(frame.text)) places.set(frame.text, place);
    });
  }
  return places;
}

function symbolOf({ name, size }: Frame, symbols: ReadonlyMap<string, readonly Symbol[]>): Symbol | undefined {
  if (name.startsWith(".")) return { section: name, address: 0n, size: 0n };
  const named = symbols.get(name) ?? [];
  const fitting = named.filter((symbol) => Number(symbol.size) === size);
  const candidates = named.length === 1 ? named : fitting;
  return candidates.length === 1 ? candidates[0] : undefined; // several functions of a name and a size: no guess
}

/** The named functions. Addresses of a module count from the beginning of their section; of vmlinux, whose section is "", they are whole. */
async function readSymbols(path: string, names: ReadonlySet<string>): Promise<Map<string, Symbol[]>> {
  const listed: string[] = [];
  await runProcess(needProgram("readelf", "binutils"), ["-sSW", path], { timeout_ms: ANSWER_MS_MAX, onStdout: (text) => listed.push(text) });
  const text = listed.join("");
  const isModule = path.endsWith(".ko");
  const sections = new Map([...text.matchAll(SECTION)].map(([, index, name, size, flags]) => [index!, { name: name!, size: BigInt(`0x${size!}`), flags: flags! }]));
  const symbols = [...text.matchAll(SYMBOL)].flatMap(([, address, index, name]) => {
    const section = sections.get(index!);
    return section?.flags.includes("X") ? [{ name: name!, index: Number(index), section: isModule ? section.name : "", address: BigInt(`0x${address!}`), last: section.size }] : [];
  });
  symbols.sort((a, b) => a.index - b.index || (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  const found = new Map<string, Symbol[]>();
  for (const [i, { name, index, section, address, last }] of symbols.entries()) {
    if (!names.has(name)) continue;
    let next = i + 1;
    while (symbols[next]?.index === index && symbols[next]?.address === address) next++; // other names of the same function
    const end = symbols[next]?.index === index ? symbols[next]!.address : isModule ? last : address;
    found.set(name, [...(found.get(name) ?? []), { section, address, size: end - address }]);
  }
  return found;
}

/** Rows of readelf: index, name, size and flags of a section; address, index of the section and name of a symbol. */
const SECTION = /^ +\[ *(\d+)\] (\S+) +\S+ +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) \S+ +([A-Z]+) /gm;
const SYMBOL = /^ +\d+: ([0-9a-f]+) +\S+ (?:FUNC|NOTYPE|OBJECT) +\w+ +\w+ +(\d+) (\S+)$/gm;

/** For each address its place, if it has one: of code that is inlined into itself, the innermost of this project. */
async function askFor(program: string, path: string, section: string, addresses: readonly bigint[]): Promise<(string | undefined)[]> {
  const where = section === "" ? [] : ["-j", section];
  const { stdout } = await runProcess(program, ["-a", "-i", "-e", path, ...where, ...addresses.map((address) => `0x${address.toString(16)}`)], { timeout_ms: ANSWER_MS_MAX });
  return stdout.split(/^0x[0-9a-f]+\n/m).slice(1).map((answer) => {
    const places = answer.split("\n").flatMap((line) => placeOf(line) ?? []);
    return (places.find(({ ours }) => ours) ?? places[0])?.text;
  });
}

/** `file:line` of a line of addr2line, the file as people know it: compilers see the tree in which they run. */
function placeOf(line: string): { readonly text: string; readonly ours: boolean } | undefined {
  const [, path, number] = /^(.+):([1-9]\d*)(?: \(discriminator \d+\))?$/.exec(line) ?? [];
  if (path === undefined) return undefined;
  const parts = path.split("/");
  const below = parts.map((_, i) => parts.slice(i).join("/")).find((suffix) => suffix.includes("/") && !suffix.startsWith("/") && existsSync(PROJECT_ROOT + suffix));
  return { text: `${below ?? path.replace(TREE, "").replace(/^\.\//, "")}:${number}`, ours: below !== undefined };
}

/** The folder of a kernel's source, wherever it was. */
const TREE = /^.*\/(?:source|linux-headers-[^/]+|linux-source-[^/]+)\//;
