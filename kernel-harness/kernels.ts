/** The kernels that we know by name. */
import { distance } from "fastest-levenshtein";
import { StpError } from "../spec/errors.ts";

export interface Kernel {
  readonly name: string;
  /** Debian meta package that always depends on the newest build. */
  readonly package: string;
  /** The upstream series that the meta package must lead to. */
  readonly series: string;
  readonly doc: string;
}

/** The catalogue. */
export const KERNELS = [
  { name: "debian-6.1-cloud", package: "linux-image-cloud-amd64", series: "6.1", doc: "Debian 12 for virtual machines: the smallest, boots fastest" },
  { name: "debian-6.1", package: "linux-image-amd64", series: "6.1", doc: "Debian 12 generic" },
  { name: "debian-6.1-rt", package: "linux-image-rt-amd64", series: "6.1", doc: "Debian 12 with PREEMPT_RT" },
] as const satisfies readonly Kernel[];

/** The kernel of that name. Throws StpError with the nearest names. */
export function findKernel(name: string): Kernel {
  const kernel = KERNELS.find((candidate) => candidate.name === name);
  if (!kernel) throw new StpError(`Cannot find kernel "${name}": did you mean ${nearestNames(name).join(" or ")}? "./stp kernel list" shows all`);
  return kernel;
}

function nearestNames(name: string): string[] {
  const distances = KERNELS.map((kernel) => distance(name, kernel.name));
  const nearest = Math.min(...distances);
  return KERNELS.filter((_, index) => distances[index] === nearest).map((kernel) => kernel.name);
}
