/**
 * What `objdump -drw --no-show-raw-insn` prints of a relocatable object, as functions of instructions.
 *
 * Siblings: flow.ts follows the stack through one function, graph.ts the calls between them.
 */
import { StpError } from "../../spec/errors.ts";

/** A place in the object; or, for a symbol that the object does not have, a name of the kernel's. */
export type Target = { readonly address: string } | { readonly symbol: string };

export interface Instruction {
  /** Section and offset: `.text+0x1f`. */
  readonly address: string;
  /** Without prefixes, such as `lock` or `cs`. */
  readonly mnemonic: string;
  readonly operands: string;
  /** Where a call or jump goes, or what `call *…` reads its address from; undefined if no symbol is named. */
  readonly target?: Target;
}

export interface Code {
  /** Of the object's symbol; a second function of that name is called `name@address`. */
  readonly name: string;
  readonly address: string;
  readonly instructions: readonly Instruction[];
}

const PREFIXES = /^(?:(?:cs|ds|es|ss|fs|gs|bnd|notrack|data16|addr32|rep|repz|repnz|lock|rex\S*)\s+)+(?=[a-z])/;
const SECTION = /^Disassembly of section (\S+):$/;
const LABEL = /^([0-9a-f]+) <([^>]+)>:$/;
const LINE = /^\s*([0-9a-f]+):\t(.*)$/;
const BRANCH = /^(?:call|j[a-z]+)q?$/;

export function placeOf(section: string, offset: number): string {
  return `${section}+0x${offset.toString(16)}`;
}

/** The functions of a disassembly, in its order. Throws StpError if it has none. */
export function parseDisassembly(text: string): Code[] {
  const raw = readLines(text);
  const named = new Map<string, string>();
  for (const code of raw) if (!named.has(code.name)) named.set(code.name, code.address);
  const functions = raw.map(({ name, address, lines }) => ({
    name: named.get(name) === address ? name : `${name}@${address}`,
    address,
    instructions: lines.map(({ section, offset, text: line }) => parseInstruction(section, offset, line, named)),
  }));
  if (functions.length === 0) throw new StpError("Cannot read the disassembly: it has no functions; is this the output of objdump -drw?");
  return functions;
}

interface RawLine {
  readonly section: string;
  readonly offset: number;
  readonly text: string;
}

function readLines(text: string): { name: string; address: string; lines: RawLine[] }[] {
  const functions: { name: string; address: string; lines: RawLine[] }[] = [];
  let section = "";
  let open = false; // between a label and the end of its section
  for (const line of text.split("\n")) {
    const [, heading] = SECTION.exec(line) ?? [];
    const [, start, name] = LABEL.exec(line) ?? [];
    const [, offset, rest] = LINE.exec(line) ?? [];
    if (heading !== undefined) [section, open] = [heading, false];
    else if (name !== undefined) open = functions.push({ name, address: placeOf(section, parseInt(start!, 16)), lines: [] }) > 0;
    else if (rest !== undefined && open) functions.at(-1)!.lines.push({ section, offset: parseInt(offset!, 16), text: rest });
  }
  // Replacements of instructions are no functions: they stand where the instruction stood.
  return functions.filter((code) => !code.address.startsWith(".altinstr_replacement"));
}

function parseInstruction(section: string, offset: number, line: string, named: ReadonlyMap<string, string>): Instruction {
  const [code = ""] = line.split("\t");
  const [, mnemonic = "", operands = ""] = /^(\S+)\s*(.*?)\s*(?:#.*)?$/.exec(code.trim().replace(PREFIXES, "")) ?? [];
  const target = relocatedTarget(line, operands, named) ?? (BRANCH.test(mnemonic) ? nearTarget(section, operands) : undefined);
  return { address: placeOf(section, offset), mnemonic, operands, ...(target && BRANCH.test(mnemonic) ? { target } : {}) };
}

/** `stp_alloc-0x4`, `.text.unlikely+0x8`, `pv_ops+0xec`: counted from the end of a field of 4 bytes. */
function relocatedTarget(line: string, operands: string, named: ReadonlyMap<string, string>): Target | undefined {
  const [, symbol, sign, digits] = /\tR_X86_64_(?:PLT32|PC32)\t(\S+?)(?:([-+])0x([0-9a-f]+))?(?:\t|$)/.exec(line.replaceAll(": R_", ":\tR_")) ?? [];
  if (symbol === undefined) return undefined;
  const addend = (digits === undefined ? 0 : parseInt(digits, 16) * (sign === "-" ? -1 : 1)) + 4;
  if (symbol.startsWith(".")) return { address: placeOf(symbol, addend) };
  const own = operands.startsWith("*") ? undefined : named.get(symbol);
  if (own !== undefined && addend === 0) return { address: own };
  return { symbol: addend === 0 ? symbol : placeOf(symbol, addend) };
}

/** `call 5f0 <name>` without a relocation goes to its own section. */
function nearTarget(section: string, operands: string): Target | undefined {
  const [, offset] = /^([0-9a-f]+)\b/.exec(operands) ?? [];
  return offset === undefined ? undefined : { address: placeOf(section, parseInt(offset, 16)) };
}
