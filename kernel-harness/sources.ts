/** Source trees in memory: what is compiled is exactly what is hashed. */
import { mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { contentHash } from "../spec/cache.ts";

/** Contents by path relative to the tree's root. */
export type Sources = Readonly<Record<string, string | Uint8Array>>;

/** Most lines of a compiler's output that a message carries. */
const DIAGNOSTIC_LINES_MAX = 40;

/** Reads files, and directories with all that is in them. `paths` are relative to `root`. */
export async function readSources(root: string, paths: readonly string[]): Promise<Sources> {
  const files = (await Promise.all(paths.map((path) => filesBelow(join(root, path))))).flat();
  const entries = files.map(async (file) => [relative(root, file), await readFile(file, "utf8")] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** Writes the tree below `directory`. */
export async function writeSources(directory: string, sources: Sources): Promise<void> {
  for (const [path, contents] of Object.entries(sources)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), contents);
  }
}

/** One hash of all paths and contents, whatever order they were given in. */
export function hashSources(sources: Sources): string {
  return contentHash(Object.entries(sources).sort(([a], [b]) => (a < b ? -1 : 1)).flat());
}

/** What the compiler said, with paths as the author knows them and without what make adds. */
export function diagnostics(log: string, directory: string): string {
  const lines = log.replaceAll(`${directory}/`, "").split("\n").filter((line) => line.trim() !== "" && !/^make(\[\d+\])?: /.test(line));
  const rest = lines.length - DIAGNOSTIC_LINES_MAX;
  return [...lines.slice(0, DIAGNOSTIC_LINES_MAX), ...(rest > 0 ? [`… and ${rest} more lines`] : [])].join("\n");
}

async function filesBelow(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path);
  return (await Promise.all(names.map((name) => filesBelow(join(path, name))))).flat();
}
