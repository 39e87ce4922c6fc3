/** A kernel as a user names it: by its name, or by its directory. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describeDirectory } from "./directory.ts";
import { findKernel, KERNELS, type Kernel } from "./kernels.ts";

/** Throws StpError: no such kernel, or something of the directory is missing. */
export function chooseKernel(name: string): Kernel {
  const known = KERNELS.some((kernel) => kernel.name === name);
  return !known && (name.includes("/") || existsSync(name)) ? kernelInDirectory(name) : findKernel(name);
}

/** A kernel of the user's own. Throws StpError if something of it is missing. */
export function kernelInDirectory(directory: string): Kernel {
  const { architecture } = describeDirectory(directory);
  const path = resolve(directory);
  return { name: path, architecture: architecture.name, source: { kind: "directory", path }, doc: path };
}
