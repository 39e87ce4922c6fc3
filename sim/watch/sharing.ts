/**
 * Which context touches which word, over all runs of one exploration: what no other touches need not be preempted at.
 *
 * A context that is left before an access that conflicts with nobody's does what it does if it is left before its next one
 * that does. The knowledge grows with the runs; explore/depth-first.ts goes on until it no longer does.
 */
import { ACCESS_KINDS, kindOf, NOTE_WORDS, sizeOfAccess } from "../access.ts";
import type { SimContext } from "../machine.ts";
import type { WasmInstance } from "../wasi.ts";
import { BLOCK_WORDS } from "./memory.ts";

const { READ, WRITE, BLOCK } = ACCESS_KINDS;

/** Contexts that can be told apart; beyond them everything counts as shared. */
const CONTEXTS_MAX = 16;

export class Sharing {
  /** By word of memory: who has read it, and above those bits who has written it. */
  #touched = new Uint32Array(0);
  readonly #names: string[] = [];
  #version = 0;

  /** A new exploration begins. */
  begin(instance: WasmInstance): void {
    if (this.#touched.length !== instance.words.length) this.#touched = new Uint32Array(instance.words.length);
    else this.#touched.fill(0);
    this.#names.length = 0;
  }

  /** Grows whenever something turns out to be touched by one more. */
  get version(): number {
    return this.#version;
  }

  note(context: SimContext, words: Uint32Array, at: number): void {
    const what = words[at + NOTE_WORDS.what]!;
    const kind = kindOf(what);
    const address = words[at + NOTE_WORDS.address]!;
    if (kind & (READ | WRITE)) this.#touch(context, kind, address, sizeOfAccess(what));
    else if (kind === BLOCK && sizeOfAccess(what) === 1) this.#touch(context, WRITE, words[address / 4 + BLOCK_WORDS.address]!, words[address / 4 + BLOCK_WORDS.size]!); // freed: nobody may use it any more
  }

  #touch(context: SimContext, kind: number, address: number, size: number): void {
    const index = this.#indexOf(context.name);
    const bit = 1 << index;
    const bits = index === CONTEXTS_MAX ? -1 : (kind & READ ? bit : 0) | (kind & WRITE ? bit << CONTEXTS_MAX : 0);
    for (let word = address >>> 2, last = (address + size - 1) >>> 2; word <= last && word < this.#touched.length; word++) {
      const known = this.#touched[word]!;
      if ((known & bits) === bits) continue;
      this.#touched[word] = known | bits;
      this.#version++;
    }
  }

  /** Whether an access of a context conflicts with one of another. */
  conflicts(context: SimContext, kind: number, address: number, size: number): boolean {
    const index = this.#indexOf(context.name);
    if (index >= CONTEXTS_MAX) return true;
    const readers = ((1 << CONTEXTS_MAX) - 1) & ~(1 << index);
    const others = kind & WRITE ? readers | (readers << CONTEXTS_MAX) : readers << CONTEXTS_MAX;
    for (let word = address >>> 2, last = (address + Math.max(size, 1) - 1) >>> 2; word <= last; word++) {
      if ((this.#touched[word] ?? 0) & others) return true;
    }
    return false;
  }

  #indexOf(name: string): number {
    const known = this.#names.indexOf(name);
    if (known >= 0) return known;
    return Math.min(this.#names.push(name) - 1, CONTEXTS_MAX);
  }
}
