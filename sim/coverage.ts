/**
 * Edge coverage: which branches of instrumented code were taken, counted by the code itself.
 *
 * clang adds an 8-bit counter to each edge of the control flow graph, which wraps from 255 to 0. They lie in linear
 * memory: restoring a snapshot restores them, too, so read them before.
 * Siblings: compile.ts uses the flags and adaptCoverage(); the counters need no support of the port.
 */
import type { WasmInstance } from "./wasi.ts";

export const COVERAGE_FLAGS = ["-fsanitize-coverage=inline-8bit-counters"] as const;
/** Made by the linker around all counters, unless nothing is instrumented. */
export const COVERAGE_EXPORTS = ["__start___sancov_cntrs", "__stop___sancov_cntrs"] as const;

/**
 * Makes the assembly that clang -S wrote with COVERAGE_FLAGS one that links.
 *
 * clang ties each function and its counters into a comdat group of the function's name, even a static function: the
 * linker would keep one of two of the same name. And the counters need no runtime library that is told of them.
 */
export function adaptCoverage(assembly: string): string {
  return assembly
    .replace(/^(\t\.section\t[^,]+,")G(\w*",@),[^,]+,comdat$/gm, "$1$2")
    .replace(/^\tcall\t__sanitizer_cov_8bit_counters_init$/gm, "\tdrop\n\tdrop");
}

/** The counters of an instance. */
export class Coverage {
  readonly #instance: WasmInstance;
  readonly #start: number;
  /** Counters there are; the same for every instance of a module, and so is their order. */
  readonly edges: number;

  constructor(instance: WasmInstance) {
    const [start, stop] = COVERAGE_EXPORTS.map((name) => (name in instance.exports ? instance.address(name) : 0));
    this.#instance = instance;
    this.#start = start!;
    this.edges = stop! - start!;
  }

  /** Copies the counters into the first `edges` bytes of `into`. Throws if it is shorter. */
  read(into: Uint8Array): void {
    into.set(this.#counters());
  }

  clear(): void {
    this.#counters().fill(0);
  }

  #counters(): Uint8Array {
    return this.#instance.bytes.subarray(this.#start, this.#start + this.edges);
  }
}
