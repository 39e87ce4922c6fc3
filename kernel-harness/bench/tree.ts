/**
 * Debian's programs in a guest: packages with their libraries, unpacked into one tree in the cache.
 *
 * Nothing of it is installed on this machine, and nothing of it is in the repository. One tree for all programs of a guest,
 * so that they share one C library. Siblings: systemtap.ts and bpftrace.ts say what is in it
 */
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { cachedDirectory } from "../../spec/cache.ts";
import { StpError } from "../../spec/errors.ts";
import { openApt, type Apt } from "../apt.ts";
import type { GuestFiles } from "../initramfs.ts";
import { runProcess } from "../process.ts";

const LIST_MS_MAX = 20_000;
/** Packages of the closure; more means that it went astray. */
const PACKAGES_MAX = 150;

const LIBRARIES = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"] as const;
const LOADER = "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";

export interface TreeSource {
  /** For messages. */
  readonly name: string;
  /** Changes when the contents of the tree do. */
  readonly key: string;
  readonly packages: readonly string[];
  /** Which of the packages that these depend on are wanted: no interpreters, no tools. */
  readonly wanted: RegExp;
  /** Last changes to the unpacked tree. */
  readonly finish: (tree: string) => Promise<void>;
}

/** Path of the tree, from the cache or from Debian. */
export async function fetchTree({ name, key, packages, wanted, finish }: TreeSource, report: (line: string) => void): Promise<string> {
  return cachedDirectory("tree", key, async (directory) => {
    const apt = await openApt(name, join(directory, "apt"));
    report(`${name}: reading Debian's package lists`);
    await apt.update();
    const all = await withDependencies(apt, name, packages, wanted);
    report(`${name}: downloading ${all.length} packages`);
    await apt.unpack(all, directory);
    await finish(directory);
    await Promise.all(["apt", "usr/share/doc", "usr/share/locale", "usr/share/man"].map((path) => rm(join(directory, path), { recursive: true, force: true })));
  });
}

async function withDependencies(apt: Apt, what: string, packages: readonly string[], wanted: RegExp): Promise<string[]> {
  const names = [...packages];
  for (let i = 0; i < names.length; i++) {
    for (const { name } of await apt.depends(names[i]!)) if (wanted.test(name) && !names.includes(name)) names.push(name);
    if (names.length > PACKAGES_MAX) throw new StpError(`Cannot fetch ${what}: it needs more than ${PACKAGES_MAX} packages`);
  }
  return names;
}

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
