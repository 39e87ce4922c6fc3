/**
 * clang and wasm-ld, as `@yowasp/clang` has them: compiled to wasm, so that the sandbox needs no compiler.
 *
 * They run in child processes: several at once, and with V8 set to their liking, which is not that of the simulation.
 * A child loads the package of 105 MB; it is started at the first use, never before.
 * Siblings: clang-child.ts; compile.ts caches what comes out of here.
 */
import { availableParallelism } from "node:os";
import type { Tree } from "@yowasp/clang";
import { ClangChild, type ClangResult } from "./clang-child.ts";

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** Runs at once. Each needs some 500 MB. */
export const CLANG_RUNS_MAX = Math.min(availableParallelism(), 4);
/** How long a child is kept for further work. */
const IDLE_MS_MAX = 5_000;

/**
 * Runs `clang ...args -o OUTPUT` over files by path; a relative path is one below the file system's root.
 * Beyond CLANG_RUNS_MAX it waits for its turn. Throws if the package itself is broken.
 */
export async function clang(args: readonly string[], files: Files): Promise<ClangResult> {
  const job = { args, tree: treeOf(files) };
  const child = await acquire();
  try {
    return await child.run(job);
  } finally {
    release(child);
  }
}

const idle: ClangChild[] = [];
const waiting: ((child: ClangChild) => void)[] = [];
let running = 0;

async function acquire(): Promise<ClangChild> {
  if (running === CLANG_RUNS_MAX) return new Promise((resolve) => waiting.push(resolve));
  running++;
  const child = idle.pop();
  return child?.alive ? child : new ClangChild();
}

/** First come, first served. A child that has ended is replaced. */
function release(child: ClangChild): void {
  const next = waiting.shift();
  if (next) return next(child.alive ? child : new ClangChild());
  running--;
  if (child.alive) park(child);
}

function park(child: ClangChild): void {
  idle.push(child);
  child.rest(IDLE_MS_MAX, () => idle.splice(idle.indexOf(child), 1));
}

function treeOf(files: Files): Tree {
  const root: Tree = {};
  for (const [path, contents] of Object.entries(files)) {
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    const file = names.pop();
    if (file === undefined || names.includes("..")) throw new Error(`Not a path below the root: ${path}`);
    let directory = root;
    for (const name of names) {
      const next = (directory[name] ??= {});
      if (typeof next === "string" || next instanceof Uint8Array) throw new Error(`Both a file and a directory: ${path}`);
      directory = next;
    }
    directory[file] = contents;
  }
  return root;
}
