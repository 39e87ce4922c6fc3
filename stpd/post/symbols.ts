/**
 * Names of the kernel's functions, from the recording's own symbols: what backtraces show in the place of addresses.
 *
 * Siblings: stacks.ts puts them into text; stpd/daemon/recording.c wrote them down.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { messageOf, StpError } from "../../spec/errors.ts";

/** Files that may hold them, relative to the recording, in order of preference. */
const FILES = ["symbols/kallsyms", "symbols/kallsyms-seen.gz", "symbols/kallsyms.gz"] as const;
/** Bytes of symbols that are read. */
const SYMBOLS_SIZE_MAX = 64 << 20;
/** An address so far behind the last function is none of the kernel's. */
const FUNCTION_SIZE_MAX = 1n << 20n;

export interface KernelSymbol {
  readonly name: string;
  /** Bytes from the function's begin. */
  readonly offset: bigint;
}

/** Functions by address. */
export class KernelSymbols {
  readonly #addresses: BigUint64Array;
  readonly #names: readonly string[];

  /** Lines as in /proc/kallsyms; those with address 0 say only that there is such a name. */
  constructor(text: string) {
    const found = [...text.matchAll(/^([0-9a-f]+) \w (\S+)/gm)].map((match) => ({ address: BigInt(`0x${match[1]!}`), name: match[2]! })).filter(({ address }) => address !== 0n);
    found.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    this.#addresses = BigUint64Array.from(found, ({ address }) => address);
    this.#names = found.map(({ name }) => name);
  }

  /** Functions known. */
  get count(): number {
    return this.#names.length;
  }

  /** The function that holds an address; of several at one place the first in the file. */
  find(address: bigint): KernelSymbol | undefined {
    let [low, high] = [0, this.#addresses.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#addresses[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const begin = this.#addresses[low - 1]!;
    let first = low - 1;
    while (first > 0 && this.#addresses[first - 1] === begin) first--;
    return address - begin < FUNCTION_SIZE_MAX ? { name: this.#names[first]!, offset: address - begin } : undefined;
  }
}

/** The files of a recording that hold symbols with addresses, by name: what a replay of it needs, too. */
export function readSymbolFiles(directory: string): (readonly [name: string, bytes: Uint8Array])[] {
  return FILES.slice(0, 2).filter((file) => existsSync(join(directory, file))).map((file) => [file, readFileSync(join(directory, file))] as const);
}

/** The symbols of a recording; undefined if it has none. Throws StpError if they cannot be read. */
export function readSymbols(directory: string): KernelSymbols | undefined {
  const path = FILES.map((file) => join(directory, file)).find((file) => existsSync(file));
  if (path === undefined) return undefined;
  try {
    const bytes = readFileSync(path);
    const text = path.endsWith(".gz") ? gunzipSync(bytes, { maxOutputLength: SYMBOLS_SIZE_MAX }) : bytes.subarray(0, SYMBOLS_SIZE_MAX);
    return new KernelSymbols(text.toString("latin1"));
  } catch (error) {
    throw new StpError(`Cannot read ${path}: ${messageOf(error)}; remove it to see addresses instead of names`, { cause: error });
  }
}
