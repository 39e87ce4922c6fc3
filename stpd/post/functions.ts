/**
 * Functions by address: a table that is searched, built from bytes that hold the names.
 *
 * 150,000 functions of a kernel must take neither a second nor a gigabyte: the names stay bytes until one is wanted.
 * Siblings: symbols.ts has the kernel's, elf.ts those of files.
 */

/** Bytes of a name that are shown. */
export const NAME_SIZE_MAX = 4096;

/** A 64-bit address as a number that sorts and subtracts exactly; NaN if it has none. Kernels live just below 2^64: those are negative. */
export function keyOf(address: bigint): number {
  const key = Number(BigInt.asIntN(64, address));
  return Number.isSafeInteger(key) ? key : NaN;
}

/** What a table is made of. */
export class FunctionList {
  readonly keys: number[] = [];
  /** Where the name begins in the bytes. It ends at the first byte up to a space. */
  readonly names: number[] = [];
  /** Bytes of the function; 0: up to the next one. */
  readonly sizes: number[] = [];

  add(key: number, name: number, size = 0): void {
    this.keys.push(key);
    this.names.push(name);
    this.sizes.push(size);
  }
}

export class FunctionTable {
  /** Sorted. */
  readonly #keys: Float64Array;
  readonly #names: Uint32Array;
  readonly #sizes: Float64Array;
  readonly #bytes: Buffer;

  /** Of several at one place the first of the list is found. */
  constructor({ keys, names, sizes }: FunctionList, bytes: Buffer) {
    const order = orderOf(keys);
    this.#keys = new Float64Array(order.length);
    this.#names = new Uint32Array(order.length);
    this.#sizes = new Float64Array(order.length);
    this.#bytes = bytes;
    order.forEach((from, to) => {
      this.#keys[to] = keys[from]!;
      this.#names[to] = names[from]!;
      this.#sizes[to] = sizes[from]!;
    });
  }

  get count(): number {
    return this.#keys.length;
  }

  /** Bytes that it holds. */
  get size(): number {
    return this.#bytes.length + this.count * 20;
  }

  /** Key of the first and of the last function; NaN in an empty table. */
  get first(): number {
    return this.#keys[0] ?? NaN;
  }

  get last(): number {
    return this.#keys[this.count - 1] ?? NaN;
  }

  /** Index of the function that holds a key, or of the nearest before it that has no size; -1 if there is none. */
  find(key: number): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#keys[middle]! <= key) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return -1;
    const begin = this.#keys[low - 1]!;
    const size = this.#sizes[low - 1]!;
    return size > 0 && key - begin >= size ? -1 : low - 1;
  }

  /** Key of the first byte of a function. */
  begin(index: number): number {
    return this.#keys[index]!;
  }

  /** A character for each byte (latin1). */
  name(index: number): string {
    const begin = this.#names[index]!;
    let end = begin;
    while (end < this.#bytes.length && end - begin < NAME_SIZE_MAX && this.#bytes[end]! > 0x20) end++;
    return this.#bytes.toString("latin1", begin, end);
  }
}

/** Indices in the order of the keys; of equal keys only the first. */
function orderOf(keys: readonly number[]): Uint32Array {
  const order = new Uint32Array(keys.length);
  let isSorted = true;
  for (let i = 0; i < keys.length; i++) {
    order[i] = i;
    isSorted &&= i === 0 || keys[i]! > keys[i - 1]!;
  }
  if (isSorted) return order;
  return order.sort((a, b) => keys[a]! - keys[b]! || a - b).filter((index, i) => i === 0 || keys[index] !== keys[order[i - 1]!]);
}
