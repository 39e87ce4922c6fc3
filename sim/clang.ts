/**
 * clang and wasm-ld, as `@yowasp/clang` has them: compiled to wasm, so that the sandbox needs no compiler.
 *
 * The package is 105 MB and takes seconds to load; it is imported at the first use, never before.
 * Siblings: compile.ts caches what comes out of here.
 */
import type { Tree } from "@yowasp/clang";

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** `output` is absent if the tool failed; `messages` is what it said, unchanged. */
export interface ClangResult {
  readonly output?: Uint8Array;
  readonly messages: string;
}

/**
 * Runs `clang ...args -o OUTPUT` over files by path; a relative path is one below the file system's root.
 * Throws if the package itself is broken.
 */
export async function clang(args: readonly string[], files: Files): Promise<ClangResult> {
  const { commands, Exit } = await load();
  const decoder = new TextDecoder();
  let messages = "";
  const collect = (bytes: Uint8Array | null): void => {
    if (bytes) messages += decoder.decode(bytes, { stream: true });
  };
  try {
    const tree = await commands.clang([...args, "-o", OUTPUT], treeOf(files), { stdout: collect, stderr: collect, decodeASCII: false });
    const output = tree?.[OUTPUT];
    return output instanceof Uint8Array ? { output, messages } : { messages };
  } catch (error) {
    if (error instanceof Exit) return { messages };
    throw new Error(`Cannot run @yowasp/clang: ${messages || String(error)}`, { cause: error });
  }
}

const OUTPUT = "clang.out";

type Package = typeof import("@yowasp/clang");
let loaded: Promise<Package> | undefined;

function load(): Promise<Package> {
  loaded ??= import("@yowasp/clang").then(async (clangPackage) => {
    // Without arguments it only loads itself; with a progress callback it does not print one.
    await clangPackage.runLLVM(undefined, {}, { fetchProgress: () => {} });
    return clangPackage;
  });
  return loaded;
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
