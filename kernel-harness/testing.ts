/** For guest tests: the kernel that they run on, and modules that do one thing. */
import { fetchKernel, type FetchedKernel } from "./fetch.ts";
import { chooseKernel } from "./choose.ts";
import type { ModuleSource } from "./module.ts";

/** Names it; without it, the kernel that boots fastest. */
export const KERNEL_VARIABLE = "STP_KERNEL";

export const TESTED_KERNEL = process.env[KERNEL_VARIABLE] ?? "debian-6.1-cloud";

/** It, from the cache or from Debian. */
export async function testedKernel(): Promise<FetchedKernel> {
  return fetchKernel(chooseKernel(TESTED_KERNEL), { report: console.warn });
}

/** A module of one file whose init function has this body. */
export function moduleWithInit(name: string, body: string): ModuleSource {
  const source = [
    "#include <linux/module.h>",
    "static int __init begin(void)",
    "{",
    body,
    "}",
    "static void __exit end(void) {}",
    "module_init(begin);",
    "module_exit(end);",
    'MODULE_LICENSE("Dual MIT/GPL");',
    "",
  ].join("\n");
  return { name, sources: { [`${name}.c`]: source }, objects: [`${name}.o`] };
}
