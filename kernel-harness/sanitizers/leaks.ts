/** What a module leaves behind, as kmemleak sees it. Siblings: leaks.c asks in the guest; console.ts has the other reports. */
import { readFile } from "node:fs/promises";
import type { KernelReport } from "../console.ts";
import { buildProgram } from "../tools.ts";
import { step } from "../steps.ts";

const SEARCH_S_MAX = 120;
/** Code of a module is smaller. */
const TEXT_SIZE_MAX = 16n << 20n;

/** Frames that every allocation has. */
const ALLOCATORS = /^.*\b(?:__)?(?:k\w*alloc\w*|kmem_cache_\w+|vmalloc\w*|vzalloc\w*|slab_\w+)\+0x.*\n/gm;

/** Path of the program that asks. */
export async function buildLeaks(): Promise<string> {
  return buildProgram({ name: "leaks", sources: { "leaks.c": await readFile(new URL("leaks.c", import.meta.url), "utf8") } });
}

/** Steps before those that load the modules. */
export function watchForLeaks(modules: readonly string[]): string[] {
  return [step("start", "leaks", "/leaks", ...modules)];
}

/** Steps after those that unload them. What the program `leaks` prints then is for leakReports(). */
export function askForLeaks(seconds_max = SEARCH_S_MAX): string[] {
  return [step("signal", "leaks", "INT"), step("wait", "leaks", seconds_max)];
}

/** The objects that nobody refers to, each with the code of the module that asked for it, or else the kernel's. */
export function leakReports(text: string, test?: string): KernelReport[] {
  const reports = new Map<string, KernelReport>();
  const modules = [...text.matchAll(/^module (\w+) 0x([0-9a-f]+)$/gm)].map(([, name, address]) => ({ name: name!, address: BigInt(`0x${address!}`) }));
  for (const [block] of text.matchAll(/^unreferenced object .*(?:\n[ \t].*)*/gm)) {
    const named = block.replace(/\[<[^>]*>\] 0x([0-9a-f]+)/g, (frame, hex: string) => frameIn(BigInt(`0x${hex}`), modules) ?? frame);
    const frame = (/\.text\+0x[0-9a-f]+ \[\w+\]/.exec(named) ?? /> *\] ([\w.]+)/.exec(named.replace(ALLOCATORS, "")))?.at(-1) ?? "unknown";
    const line = block.split("\n")[0]!;
    const title = `kmemleak: ${/\(size \d+\)/.exec(line)?.[0] ?? ""} of ${frame}`;
    const known = reports.get(title);
    reports.set(title, known ? { ...known, count: known.count + 1 } : { kind: "leak", title, line, text: named, count: 1, test });
  }
  return [...reports.values()];
}

/** As symbolise.ts takes it. */
function frameIn(address: bigint, modules: readonly { readonly name: string; readonly address: bigint }[]): string | undefined {
  const module = modules.find((candidate) => address >= candidate.address && address - candidate.address < TEXT_SIZE_MAX);
  return module && `.text+0x${(address - module.address).toString(16)} [${module.name}]`;
}
