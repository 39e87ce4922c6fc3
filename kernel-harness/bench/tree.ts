/**
 * Debian's programs in a guest, from one tree for all programs of a guest, so that they share one C library.
 *
 * Nothing of it is in the repository. Siblings: ../tree.ts unpacks it; systemtap.ts and bpftrace.ts say what is in it
 */
import { basename, join } from "node:path";
import { StpError } from "../../spec/errors.ts";
import type { GuestFiles } from "../initramfs.ts";
import { runProcess } from "../process.ts";

const LIST_MS_MAX = 20_000;
const LIBRARIES = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"] as const;
const LOADER = "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";

/** A command in the tree, run with the tree's own loader and libraries: this machine's may be others. */
export function inTree(tree: string, ...args: string[]): [string, string[]] {
  return [join(tree, LOADER), ["--library-path", LIBRARIES.map((path) => join(tree, path)).join(":"), ...args]];
}

/** Programs of the tree, at the same paths in a guest, and all that they load. */
export async function programFiles(tree: string, programs: readonly string[]): Promise<GuestFiles> {
  const libraries = (await Promise.all(programs.map((program) => librariesOf(tree, program)))).flat();
  return {
    "/lib64/ld-linux-x86-64.so.2": join(tree, LOADER),
    ...Object.fromEntries(libraries.map((path) => [`/lib/x86_64-linux-gnu/${basename(path)}`, path])),
    ...Object.fromEntries(programs.map((program) => [`/${program}`, join(tree, program)])),
  };
}

async function librariesOf(tree: string, program: string): Promise<string[]> {
  const [loader, args] = inTree(tree, "--list", join(tree, program));
  const { status, stdout, stderr } = await runProcess(loader, args, { timeout_ms: LIST_MS_MAX });
  if (status !== 0) throw new StpError(`Cannot list the libraries of ${program}: ${stderr.trim()}`);
  return [...stdout.matchAll(/ => (\/\S+) /g)].map((match) => match[1]!).filter((path) => !path.endsWith(basename(LOADER)));
}
