/**
 * Features: what makes an input worth keeping. Each edge of the C's control flow by how often it was taken, roughly, and
 * each cell (operation, result, level).
 *
 * They lie in memory that all threads share: a byte for each edge with a bit for each range of counts, a byte for each cell.
 */
import { LEGAL_CELLS } from "../concurrent/cells.ts";

/** Bit for a count of 0 to 255: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128-255. */
const RANGES = Uint8Array.from({ length: 256 }, (_, count) => (count === 0 ? 0 : count <= 3 ? 1 << (count - 1) : count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128));

export class Features {
  readonly shared: SharedArrayBuffer;
  readonly edges: number;
  readonly #bytes: Uint8Array;

  constructor(edges: number, shared: SharedArrayBuffer = new SharedArrayBuffer(edges + LEGAL_CELLS.length)) {
    this.edges = edges;
    this.shared = shared;
    this.#bytes = new Uint8Array(shared);
  }

  /** Adds what a run has reached. True if any of it is new; of several threads, one is told so. */
  add(counters: Uint8Array, cells: readonly number[]): boolean {
    const bytes = this.#bytes;
    let isNew = false;
    for (let edge = 0; edge < this.edges; edge++) {
      const bit = RANGES[counters[edge]!]!;
      if ((bytes[edge]! & bit) !== bit && (Atomics.or(bytes, edge, bit) & bit) !== bit) isNew = true;
    }
    for (const cell of cells) if (bytes[this.edges + cell] === 0 && Atomics.exchange(bytes, this.edges + cell, 1) === 0) isNew = true;
    return isNew;
  }

  get edgesReached(): number {
    return this.#bytes.subarray(0, this.edges).reduce((sum, bits) => sum + (bits === 0 ? 0 : 1), 0);
  }

  /** Cells that no run has reached. */
  get cellsMissing(): string[] {
    return LEGAL_CELLS.filter((_, index) => this.#bytes[this.edges + index] === 0);
  }
}
