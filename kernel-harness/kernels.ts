/** The kernels that we know by name. */
import { distance } from "fastest-levenshtein";
import { StpError } from "../spec/errors.ts";
import type { ArchitectureName } from "./architectures.ts";

export interface Kernel {
  readonly name: string;
  readonly architecture: ArchitectureName;
  readonly source: KernelSource;
  readonly doc: string;
}

/** Two sets of them, because races need a build of their own. */
export type Sanitizers = "memory" | "races";

export type KernelSource = DebianSource | BuiltSource | DirectorySource;

export interface DebianSource {
  readonly kind: "debian";
  /** Meta package that always depends on the newest build. */
  readonly package: string;
  /** The upstream series that the meta package must lead to. */
  readonly series: string;
}

export interface BuiltSource {
  readonly kind: "built";
  readonly sanitizers: Sanitizers;
}

/** The user's own. */
export interface DirectorySource {
  readonly kind: "directory";
  readonly path: string;
}

const debian = (name: string): DebianSource => ({ kind: "debian", package: name, series: "6.1" });

/** The catalogue. */
export const KERNELS = [
  { name: "debian-6.1-cloud", architecture: "amd64", source: debian("linux-image-cloud-amd64"), doc: "Debian 12 for virtual machines: the smallest, boots fastest" },
  { name: "debian-6.1", architecture: "amd64", source: debian("linux-image-amd64"), doc: "Debian 12 generic" },
  { name: "debian-6.1-rt", architecture: "amd64", source: debian("linux-image-rt-amd64"), doc: "Debian 12 with PREEMPT_RT" },
  { name: "debian-6.1-arm64", architecture: "arm64", source: debian("linux-image-arm64"), doc: "Debian 12 on arm64, emulated" },
  { name: "debian-6.1-i386", architecture: "i386", source: debian("linux-image-686-pae"), doc: "Debian 12, 32-bit" },
  { name: "debian-6.1-s390x", architecture: "s390x", source: debian("linux-image-s390x"), doc: "Debian 12 on s390x: big-endian, emulated" },
  {
    name: "sanitizers-memory",
    architecture: "amd64",
    source: { kind: "built", sanitizers: "memory" },
    doc: "built here: KASAN, UBSAN, lockdep, sleeping in atomic context, leaks",
  },
  { name: "sanitizers-races", architecture: "amd64", source: { kind: "built", sanitizers: "races" }, doc: "built here: KCSAN" },
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
