/**
 * Debian's programs without installing them: packages with what they depend on, unpacked into one tree in the cache.
 *
 * Siblings: bench/tree.ts makes programs of a guest of it, toolchain.ts programs of this machine
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cachedDirectory } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import { openApt, type Apt } from "./apt.ts";

/** Packages of the closure; more means that it went astray. */
const PACKAGES_MAX = 150;

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
    await apt.update(report);
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
