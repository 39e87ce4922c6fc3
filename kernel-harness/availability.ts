/** Whether a kernel is here, how it would be got, and what of this machine's programs is missing for it. Asks no network. */
import { ARCHITECTURES } from "./architectures.ts";
import { cachedRelease, isKernelCached } from "./fetch.ts";
import type { Kernel, KernelSource } from "./kernels.ts";
import { findProgram } from "./process.ts";
import { missingPackages } from "./toolchain.ts";

/** `here`: in the cache, or the user's own; `fetchable` and `buildable`: by "stp kernel fetch"; `no`: programs are missing for that. */
export type Availability =
  | { readonly state: "here"; readonly release: string; readonly missing: readonly MissingProgram[] }
  | { readonly state: "fetchable" | "buildable"; readonly from: string; readonly minutes: number }
  | { readonly state: "no"; readonly missing: readonly MissingProgram[] };

export interface MissingProgram {
  readonly program: string;
  /** Debian package that has it. */
  readonly package: string;
}

/** Minutes that it takes to get one, about, with two cores and a line of 100 Mbit/s. */
const MINUTES = { debian: 1, toolchain: 2, built: 10 } as const;

const program = (name: string, packageName = name): MissingProgram => ({ program: name, package: packageName });

/** For whatever is unpacked from Debian, and for modules and guests of any kernel. */
const UNPACKING = [program("apt-get", "apt"), program("dpkg")];
const RUNNING = [program("make"), program("gcc-12"), program("ld", "binutils"), program("gcc"), program("setpriv", "util-linux")];
const BUILDING = [program("make"), program("gcc-12"), program("ld", "binutils"), program("xz", "xz-utils")];

/** What is so now. Throws StpError for a kernel of the user's own that cannot be used. */
export async function availabilityOf(kernel: Kernel, env: NodeJS.ProcessEnv = process.env, cacheDir?: string): Promise<Availability> {
  const absent = (programs: readonly MissingProgram[]): MissingProgram[] => programs.filter((wanted) => findProgram(wanted.program, env) === undefined);
  if (isKernelCached(kernel, cacheDir)) return { state: "here", release: await cachedRelease(kernel, cacheDir), missing: absent(neededToRun(kernel, env)) };
  const missing = absent(neededToGet(kernel.source));
  if (missing.length > 0) return { state: "no", missing };
  const { source, architecture } = kernel;
  if (source.kind === "built") return { state: "buildable", from: "Debian's linux-source-6.1", minutes: MINUTES.built };
  const tools = missingPackages(ARCHITECTURES[architecture], env);
  return { state: "fetchable", from: ["Debian", ...(tools.length > 0 ? [`with ${tools.join(" ")} on first use`] : [])].join(", "), minutes: MINUTES.debian + tools.length * MINUTES.toolchain };
}

function neededToGet({ kind }: KernelSource): readonly MissingProgram[] {
  return kind === "built" ? [...UNPACKING, ...BUILDING] : UNPACKING;
}

function neededToRun(kernel: Kernel, env: NodeJS.ProcessEnv): readonly MissingProgram[] {
  const architecture = ARCHITECTURES[kernel.architecture];
  const { qemu } = architecture;
  if (!qemu.fetched) return [...RUNNING, program(qemu.program, qemu.package)];
  return missingPackages(architecture, env).length > 0 ? [...RUNNING, ...UNPACKING] : RUNNING;
}
