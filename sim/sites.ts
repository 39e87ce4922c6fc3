/**
 * What the hooks are told about places in the source: the line of each hook call, and of each call of an author's code.
 *
 * wasm has no return addresses, and binaryen's asyncify drops line tables, so a place has to travel as data: the
 * assembly of a unit is made to store the address of a site record before each of these calls. It also gets a hook
 * call of its own at the head of each loop: one without accesses must be stoppable, too.
 * What is added leaves wasm's value stack as it was, so it may stand between any two instructions.
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

const HOOK_CALL = /^\tcall\t(__tsan_|stp_sim_)/;
const CALL = /^\t(return_)?call(_indirect)?\t/;
const LOOP = /^\tloop\b/;
/** Bytes of a `struct stp_sim_site`. */
const SITE_SIZE = 12;

/**
 * The assembly that clang -S -gline-tables-only wrote, with site records added.
 *
 * `authored` has the path prefixes of the author's code if this unit is part of it: its calls become callers.
 */
export function addSites(assembly: string, authored: readonly string[] = []): string {
  const position = new Position(authored);
  const table = new SiteTable();
  const store = (word: number, place: Place): string[] => ["\ti32.const\t0", `\ti32.const\t${table.reference(place)}`, `\ti32.store\tstp_sim+${word * 4}`];
  const site = (): string[] => [
    ...store(STATE_WORDS.site, position.place),
    // A line of a header, inlined: the caller is no call before it, but the author's line that it was inlined into.
    ...(position.author && position.author !== position.place ? store(STATE_WORDS.caller, position.author) : []),
  ];
  /** A call or a round of a loop of the author's counts as an action, and is known as the caller of what follows. */
  const action = (): string[] => (authored.length === 0 ? [] : [...store(STATE_WORDS.caller, position.author ?? position.place), "\tcall\tstp_sim_action"]);
  const body = assembly.split("\n").flatMap((text) => {
    position.read(text);
    if (text.startsWith("\t.loc\t")) return []; // read, and of no use in a line table
    if (LOOP.test(text)) return [text, ...site(), "\tcall\tstp_sim_loop", ...action()];
    if (HOOK_CALL.test(text)) return [...site(), text];
    return CALL.test(text) ? [...action(), text] : [text];
  });
  return ["\t.functype\tstp_sim_loop () -> ()", "\t.functype\tstp_sim_action () -> ()", ...body, ...table.directives(), ""].join("\n");
}

interface Place {
  readonly path: string;
  readonly line: string;
  readonly function: string;
}

/** Where in the source the assembly has come to. */
class Position {
  readonly #authored: readonly string[];
  readonly #paths = new Map<string, string>();
  #function = "";
  place: Place = { path: "", line: "0", function: "" };
  /** The innermost of the author's lines that `place` was inlined into, or `place`; undefined if there is none. */
  author: Place | undefined;

  constructor(authored: readonly string[]) {
    this.#authored = authored;
  }

  read(text: string): void {
    const file = /^\t\.file\t(\d+) "([^"]*)"(?: "([^"]*)")?/.exec(text);
    if (file) this.#paths.set(file[1]!, file[3] ?? file[2]!);
    const begin = /^\t\.type\t([\w.]+),@function/.exec(text);
    if (begin) this.#function = begin[1]!;
    const location = /^\t\.loc\t(\d+) (\d+)[^#]*(?:# (.*))?/.exec(text);
    // Line 0 is code of no line of its own: it keeps the line before it.
    if (location && location[2] !== "0") this.#move(this.#paths.get(location[1]!) ?? "", location[2]!, location[3] ?? "");
  }

  /** `comment` is clang's `file:line:column @[ file:line:column @[ … ] ]`: who the line was inlined into, inside out. */
  #move(path: string, line: string, comment: string): void {
    this.place = { path, line, function: this.#function };
    if (this.#isAuthored(path)) {
      this.author = this.place;
      return;
    }
    const outer = comment.split(" @[ ").slice(1).map((frame) => /^(.*):(\d+):\d+/.exec(frame));
    const found = outer.find((frame) => frame && frame[2] !== "0" && this.#isAuthored(frame[1]!));
    this.author = found ? { path: found[1]!, line: found[2]!, function: this.#function } : undefined;
  }

  #isAuthored(path: string): boolean {
    return this.#authored.some((prefix) => path.startsWith(prefix));
  }
}

/** The records of a unit, each once, and their strings. */
class SiteTable {
  readonly #strings = new StringTable();
  readonly #records = new Map<string, number>();

  /** What the assembler and the linker make the address of the place's record. */
  reference(place: Place): string {
    const words = [this.#strings.reference(place.path), this.#strings.reference(place.function), place.line];
    const record = words.map((word) => `\t.int32\t${word}`).join("\n");
    const index = this.#records.get(record) ?? this.#records.size;
    this.#records.set(record, index);
    return `.Lstp_sites+${index * SITE_SIZE}`;
  }

  directives(): string[] {
    if (this.#records.size === 0) return [];
    return [
      '\t.section\t.rodata.stp_sites,"",@',
      "\t.p2align\t2",
      ".Lstp_sites:",
      ...this.#records.keys(),
      `\t.size\t.Lstp_sites, ${this.#records.size * SITE_SIZE}`,
      ".Lstp_site_strings:",
      ...this.#strings.directives(),
      `\t.size\t.Lstp_site_strings, ${this.#strings.size_bytes}`,
    ];
  }
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
