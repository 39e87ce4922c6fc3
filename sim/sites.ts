/**
 * Source lines of accesses: notes a site record in `stp_sim.site` before every hook call of a unit's assembly.
 *
 * wasm has no return addresses, and binaryen's asyncify drops line tables, so the place has to travel as data.
 * The record is `struct stp_sim_site` of runtime-c/port/wasm32/hooks.h; the linker makes its address unique.
 */
import { STATE_WORDS } from "./access.ts";
import type { WasmInstance } from "./wasi.ts";

/** A place in the source. */
export interface Site {
  readonly path: string;
  readonly line: number;
  readonly function: string;
}

const HOOK_CALL = /^\tcall\t(__tsan_\w+|stp_sim_relax)\b/;
const SITE_OFFSET = STATE_WORDS.site * 4;
/** Bytes of a `struct stp_sim_site`. */
const SITE_SIZE = 12;

/** The assembly that clang -S -gline-tables-only wrote, with site records added. */
export function addSites(assembly: string): string {
  const paths = new Map<string, string>();
  const strings = new StringTable();
  const records: string[] = [];
  let [path, line, inFunction] = ["", "0", ""];

  const body = assembly.split("\n").flatMap((text) => {
    const file = /^\t\.file\t(\d+) "([^"]*)"(?: "([^"]*)")?/.exec(text);
    if (file) paths.set(file[1]!, file[3] ?? file[2]!);
    const location = /^\t\.loc\t(\d+) (\d+)/.exec(text);
    // Line 0 is code of no line of its own: it keeps the line before it.
    if (location && location[2] !== "0") [path, line] = [paths.get(location[1]!) ?? "", location[2]!];
    const begin = /^\t\.type\t([\w.]+),@function/.exec(text);
    if (begin) inFunction = begin[1]!;
    if (!HOOK_CALL.test(text)) return [text];
    const record = `.Lstp_sites+${records.length * SITE_SIZE}`;
    records.push([strings.reference(path), strings.reference(inFunction), line].map((word) => `\t.int32\t${word}`).join("\n"));
    return ["\ti32.const\t0", `\ti32.const\t${record}`, `\ti32.store\tstp_sim+${SITE_OFFSET}`, text];
  });
  if (records.length === 0) return assembly;
  return [
    ...body,
    '\t.section\t.rodata.stp_sites,"",@',
    "\t.p2align\t2",
    ".Lstp_sites:",
    ...records,
    `\t.size\t.Lstp_sites, ${records.length * SITE_SIZE}`,
    ".Lstp_site_strings:",
    ...strings.directives(),
    `\t.size\t.Lstp_site_strings, ${strings.size_bytes}`,
    "",
  ].join("\n");
}

/** Each string once, addressed as an offset from one label: a wasm data symbol each would need its own size. */
class StringTable {
  readonly #offsets = new Map<string, number>();
  size_bytes = 0;

  reference(text: string): string {
    let offset = this.#offsets.get(text);
    if (offset === undefined) {
      this.#offsets.set(text, (offset = this.size_bytes));
      this.size_bytes += Buffer.byteLength(text) + 1;
    }
    return `.Lstp_site_strings+${offset}`;
  }

  directives(): string[] {
    return [...this.#offsets.keys()].map((text) => `\t.asciz\t"${text}"`);
  }
}

/** The site at an address that an access names, or undefined if it is 0. */
export function readSite(instance: WasmInstance, address: number): Site | undefined {
  if (address === 0) return undefined;
  const word = address / 4;
  const words = instance.words;
  return { path: instance.string(words[word]!), function: instance.string(words[word + 1]!), line: words[word + 2]! };
}
