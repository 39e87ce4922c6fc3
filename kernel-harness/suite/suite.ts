/** What `stp kernel test` runs: which tests on which kernels. */
import { StpError } from "../../spec/errors.ts";
import { fetchKernel } from "../fetch.ts";
import { KERNELS, type Kernel } from "../kernels.ts";
import { nearest } from "../../spec/nearest.ts";
import { runFull } from "./full.ts";
import type { MatrixKernel } from "./matrix.ts";
import { SMOKE_TESTS } from "./smoke.ts";
import type { GuestTest } from "./test.ts";

/** `smoke`: within seconds. `full`: everything that is tested in a guest. */
export type Tier = "smoke" | "full";

/** Of `--all`, the kernel that gets the full tests. */
const FULL_KERNEL = KERNELS[0];

/** The smoke tests of these names; all without any. Throws StpError with the nearest names. */
export function findTests(names: readonly string[]): readonly GuestTest[] {
  for (const name of names) {
    const known = SMOKE_TESTS.map((test) => test.name);
    if (!known.includes(name)) throw new StpError(`Cannot find test "${name}": the nearest are ${nearest(name, known, 3).join(", ")}`);
  }
  return names.length === 0 ? SMOKE_TESTS : SMOKE_TESTS.filter((test) => names.includes(test.name));
}

/** A kernel with what is to be run on it. */
export function matrixKernel(kernel: Kernel, tier: Tier, tests: readonly GuestTest[] = SMOKE_TESTS): MatrixKernel {
  return {
    name: kernel.name,
    fetch: (report) => fetchKernel(kernel, { report }),
    tests,
    ...(tier === "full" && { more: async (_fetched, options) => options.inTurn(() => runFull(kernel.name, options)) }),
  };
}

/** All kernels that we know by name: the full tests on one, smoke on the others. */
export function allKernels(): MatrixKernel[] {
  return KERNELS.map((kernel) => matrixKernel(kernel, kernel.name === FULL_KERNEL.name ? "full" : "smoke"));
}
