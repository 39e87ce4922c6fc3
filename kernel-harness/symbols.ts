/** Names of a kernel's functions: asked once from a guest, kept in the cache. */
import { readFile, writeFile } from "node:fs/promises";
import { cachedFile } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import { nearest } from "../spec/nearest.ts";
import type { FetchedKernel } from "./fetch.ts";
import { runGuest } from "./guest.ts";
import { step } from "./steps.ts";

/** Every function of the running kernel, modules apart, in order of name. Boots a guest the first time. */
export async function functionSymbols(kernel: FetchedKernel, report: (line: string) => void = () => {}): Promise<string[]> {
  const path = await cachedFile("symbols", kernel.identity, async (temporary) => {
    report(`booting ${kernel.name} to read its symbols`);
    const guest = await runGuest(kernel, { files: {}, steps: [step("send", "/proc/kallsyms")], report });
    const kallsyms = guest.files.get("/proc/kallsyms");
    if (!guest.ok || !kallsyms) throw new StpError(`Cannot read the symbols of ${kernel.name}: ${guest.problems.map((p) => p.message).join("; ")}`);
    await writeFile(temporary, parseFunctions(Buffer.from(kallsyms).toString()).join("\n"));
  });
  return (await readFile(path, "utf8")).split("\n");
}

/** Names of the text symbols of a kallsyms file, sorted, each once. */
export function parseFunctions(kallsyms: string): string[] {
  const names = [...kallsyms.matchAll(/^[0-9a-f]+ [tTwW] ([A-Za-z_][A-Za-z0-9_]*)$/gm)].map((match) => match[1]!);
  return [...new Set(names)].sort();
}

/** "nearest: a, b, c", for a name that is not there. */
export function suggestSymbols(name: string, symbols: readonly string[]): string {
  return `nearest: ${nearest(name, symbols).join(", ")}`;
}
