/** Cheap draws from xoroshiro128+, for generators: everything flows from one seed. */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** A sequence of draws. The slight bias of `below` does not matter to a generator. */
export class Random {
  readonly #generator;

  /** `seed`: an integer of 32 bits. */
  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /** 32 bits, signed. */
  next(): number {
    return this.#generator.next();
  }

  below(count: number): number {
    return Math.floor(((this.next() >>> 0) / 0x100000000) * count);
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}
