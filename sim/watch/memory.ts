/**
 * Memory: every access must be to an object of the program, to a block that is allocated and not freed, or to the
 * context's own stack; and memory that belongs to one CPU is for contexts of that CPU.
 *
 * Siblings: runtime-c/port/wasm32/cpu.c keeps the blocks and the ranges; finding.ts
 */
import { ACCESS_KINDS, kindOf, NOTE_WORDS, sizeOfAccess, STATE_WORDS } from "../access.ts";
import { CONTEXT_STACK_BYTES, type SimContext } from "../machine.ts";
import type { WasmInstance } from "../wasi.ts";
import type { Finding } from "./finding.ts";

const { READ, WRITE, QUIET, BLOCK } = ACCESS_KINDS;

/** What a word is: 1 to 4 of its bytes may be used, or none. */
const FREED = 8;

/** `struct stp_sim_block`, in words. */
export const BLOCK_WORDS = { older: 0, address: 1, size: 2, freed: 3 } as const;

export interface MemoryState {
  readonly last: Change | undefined;
  readonly quiet: boolean;
}

/** A block that was allocated or freed in this run. */
interface Change {
  /** What was before it, and how many with it. */
  readonly before: Change | undefined;
  readonly count: number;
  readonly address: number;
  readonly size: number;
  readonly freed: boolean;
}

export class MemoryDetector {
  #instance: WasmInstance | undefined;
  /** By word of memory. */
  #usable = new Uint8Array(0);
  /** CPU + 1 that a word belongs to, 0 if to all. */
  #owner = new Uint8Array(0);
  #built = -1;
  #last: Change | undefined;
  #quiet = false;
  #memory = 0;
  #hooks = 0;

  begin(instance: WasmInstance): void {
    this.#instance = instance;
    this.#memory = instance.address("stp_sim_memory") / 4;
    this.#hooks = instance.address("stp_sim") / 4;
    this.restore({ last: undefined, quiet: false });
    const version = instance.words[this.#memory + 1]!;
    if (version !== this.#built || this.#usable.length !== instance.words.length) this.#build(instance, version);
  }

  note(context: SimContext, words: Uint32Array, at: number): Finding | undefined {
    const what = words[at + NOTE_WORDS.what]!;
    const kind = kindOf(what);
    if (kind === QUIET) this.#quiet = true;
    if (kind === BLOCK) this.#change(words, words[at + NOTE_WORDS.address]! / 4, sizeOfAccess(what) === 1);
    if ((kind & (READ | WRITE)) === 0) return undefined;
    const address = words[at + NOTE_WORDS.address]!;
    const size = sizeOfAccess(what);
    for (let word = address >>> 2, last = (address + size - 1) >>> 2; word <= last; word++) {
      const usable = this.#usable[word];
      if (usable === 4 ? this.#isForeign(word, context) : !usable || usable === FREED || Math.min(address + size, word * 4 + 4) - word * 4 > usable) return this.#explain(context, words, at, kind, address, size, usable);
    }
    return undefined;
  }

  save(): MemoryState {
    return { last: this.#last, quiet: this.#quiet };
  }

  /** From any state to any other: what they have in common stays. */
  restore({ last, quiet }: MemoryState): void {
    const again: Change[] = [];
    for (let theirs = last; this.#last !== theirs; ) {
      if (theirs && theirs.count >= (this.#last?.count ?? 0)) {
        again.push(theirs);
        theirs = theirs.before;
      } else {
        const { address, size, freed, before }: Change = this.#last!;
        this.#shade(address, size, freed ? "usable" : "none");
        this.#last = before;
      }
    }
    for (const change of again.reverse()) this.#make(change);
    this.#quiet = quiet;
  }

  /** Blocks that are allocated now, in bytes. */
  static allocated(instance: WasmInstance): number {
    const words = instance.words;
    let bytes = 0;
    for (const block of blocks(words, instance.address("stp_sim_memory") / 4)) if (words[block + BLOCK_WORDS.freed] === 0) bytes += words[block + BLOCK_WORDS.size]!;
    return bytes;
  }

  #isForeign(word: number, context: SimContext): boolean {
    const owner = this.#owner[word]!;
    return owner !== 0 && owner !== context.cpu + 1 && !this.#quiet;
  }

  #explain(context: SimContext, words: Uint32Array, at: number, kind: number, address: number, size: number, usable: number | undefined): Finding | undefined {
    const stack = words[this.#hooks + STATE_WORDS.stackLow]!;
    if (address - stack >= 0 && address - stack < CONTEXT_STACK_BYTES) return undefined;
    const verb = kind & WRITE ? "writes" : "reads";
    const owner = this.#owner[address >>> 2];
    const why =
      usable === FREED ? "which has been freed"
      : usable === 4 && owner ? `which belongs to CPU ${owner - 1}`
      : address < 4096 ? "which is a null pointer's page"
      : "which is no memory that it may use: out of bounds, another context's stack, or an address of user space";
    return {
      kind: "memory",
      detail: `${context.name} on CPU ${context.cpu} ${verb} ${size} bytes at 0x${address.toString(16)}, ${why}`,
      sides: [{ context: context.name, cpu: context.cpu, site: words[at + NOTE_WORDS.site]!, caller: words[at + NOTE_WORDS.caller]!, what: verb }],
    };
  }

  #change(words: Uint32Array, block: number, freed: boolean): void {
    const [address, size] = [words[block + BLOCK_WORDS.address]!, words[block + BLOCK_WORDS.size]!];
    if (this.#usable.length < words.length) this.#grow(words.length);
    this.#make({ before: this.#last, count: (this.#last?.count ?? 0) + 1, address, size, freed });
  }

  #make(change: Change): void {
    this.#shade(change.address, change.size, change.freed ? "freed" : "usable");
    this.#last = change;
  }

  #grow(length: number): void {
    const [usable, owner] = [this.#usable, this.#owner];
    this.#usable = new Uint8Array(length);
    this.#usable.set(usable);
    this.#owner = new Uint8Array(length);
    this.#owner.set(owner);
  }

  #build(instance: WasmInstance, version: number): void {
    const words = instance.words;
    this.#built = version;
    this.#usable = new Uint8Array(words.length);
    this.#owner = new Uint8Array(words.length);
    this.#usable.fill(4, instance.address("__global_base") >>> 2, instance.address("__heap_base") >>> 2);
    for (const block of blocks(words, this.#memory)) this.#shade(words[block + BLOCK_WORDS.address]!, words[block + BLOCK_WORDS.size]!, "usable");
    const owned = instance.address("stp_sim_owned") / 4;
    for (let i = 0; i < words[owned]!; i++) {
      const [address, size, cpu] = [words[owned + 1 + 3 * i]!, words[owned + 2 + 3 * i]!, words[owned + 3 + 3 * i]!];
      this.#owner.fill(cpu + 1, address >>> 2, (address + size) >>> 2);
    }
  }

  #shade(address: number, size: number, as: "none" | "usable" | "freed"): void {
    const [whole, rest] = as === "usable" ? [4, size % 4] : as === "freed" ? [FREED, FREED] : [0, 0];
    this.#usable.fill(whole, address >>> 2, (address + size) >>> 2);
    if (size % 4 !== 0) this.#usable[(address + size) >>> 2] = rest;
  }
}

function* blocks(words: Uint32Array, memory: number): Generator<number> {
  for (let block = words[memory]! / 4; block !== 0; block = words[block + BLOCK_WORDS.older]! / 4) yield block;
}
