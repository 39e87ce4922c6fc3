/** The pages of docs/ that lead through something: what a reader writes and runs, in order. Tests do the same. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PROJECT_ROOT } from "../spec/runtime.ts";

/** A file that the page has its reader write, or a command that it has them run. */
export type Deed = { readonly kind: "write"; readonly path: string; readonly text: string } | { readonly kind: "run"; readonly command: string };

/** Path of the probe that docs/first-probe.md is about; `/tmp/` stands for a folder of the test's. */
const PROBE = "/tmp/reads.c";

/** What a page asks of its reader. */
export async function deedsOf(page: string): Promise<Deed[]> {
  const markdown = await readFile(join(PROJECT_ROOT, page), "utf8");
  return [...markdown.matchAll(/^```(c probe|sh)\n([^]*?)^```$/gm)].flatMap(([, kind, text]): Deed[] =>
    kind === "c probe" ? [{ kind: "write", path: PROBE, text: text! }] : text!.trim().split("\n").map((command) => ({ kind: "run", command })),
  );
}

/** Writes a file of the page into the test's folder. */
export async function write({ path, text }: Extract<Deed, { kind: "write" }>, temporary: string): Promise<void> {
  await writeFile(path.replace("/tmp/", `${temporary}/`), text);
}
