/**
 * Programs of this machine that work for another architecture: cross compilers and QEMU. What is on $PATH is taken; what
 * is not is unpacked from Debian into the cache, and found there through wrappers that know the libraries beside them.
 */
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheRoot } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import type { Architecture } from "./architectures.ts";
import { findProgram, needProgram } from "./process.ts";
import { fetchTree } from "./tree.ts";

/** Goes up when what is in a tree, or a wrapper, changes. */
const LAYOUT_VERSION = 1;

/** The C library is this machine's; what a package wants when it is installed is not wanted. */
const UNWANTED = /^(libc6|libc-bin|libgcc-s1|libstdc\+\+6|gcc-12-base|debconf|passwd|adduser|perl.*|libpam.*|libaudit.*|dpkg|libsemanage.*|libcap2-bin|iso-codes|libasound2-data|ucf|systemd.*)$/;
const WANTED = new RegExp(`^(?!${UNWANTED.source.slice(1, -1)}$)`);

const COMPILER = "gcc-12";

export interface Tools {
  /** Path of a C compiler that makes programs with a C library. */
  readonly compiler: string;
  /** What CROSS_COMPILE of a kernel's makefile is to be; "" for this machine's own. */
  readonly prefix: string;
  /** $PATH with which they are found. */
  readonly path: string;
}

/** Compiler and binutils for programs and modules of an architecture. Throws StpError if they are neither here nor to be had. */
export async function crossTools(architecture: Architecture, report: (line: string) => void = () => {}): Promise<Tools> {
  const path = process.env["PATH"] ?? "";
  const { toolchain } = architecture;
  if (!toolchain) return { compiler: COMPILER, prefix: "", path };
  const compiler = `${toolchain.prefix}${COMPILER}`;
  const here = findProgram(compiler);
  if (here !== undefined) return { compiler: here, prefix: toolchain.prefix, path };
  const folder = await wrapped(`the compiler for ${architecture.name}`, toolchain.packages, new RegExp(`^${toolchain.prefix}`), [], report);
  return { compiler: join(folder, compiler), prefix: toolchain.prefix, path: `${folder}:${path}` };
}

/** Path of the addr2line for code of an architecture; undefined if this machine's own reads it, or there is none. Sibling: symbolise.ts */
export async function crossAddr2line(architecture: Architecture): Promise<string | undefined> {
  if (!architecture.crossModules) return undefined;
  const tools = await crossTools(architecture).catch(() => undefined); // a report does without lines
  return tools && join(dirname(tools.compiler), `${tools.prefix}addr2line`);
}

/** The absolute path of QEMU for an architecture. */
export async function findQemu({ qemu }: Architecture, report: (line: string) => void = () => {}): Promise<string> {
  const here = findProgram(qemu.program);
  if (here !== undefined) return here;
  if (!qemu.fetched) return needProgram(qemu.program, qemu.package);
  const folder = await wrapped(qemu.program, [qemu.package], new RegExp(`^${qemu.program}$`), ["-L", "usr/share/qemu"], report);
  return join(folder, qemu.program);
}

/** Packages of the programs for an architecture that are neither on $PATH nor in the cache: on first use they are fetched. */
export function missingPackages({ toolchain, qemu }: Architecture, env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const isMissing = (program: string, packages: readonly string[]): boolean => findProgram(program, env) === undefined && !existsSync(join(cacheRoot(env), "tree", keyOf(packages)));
  return [
    ...(qemu.fetched && isMissing(qemu.program, [qemu.package]) ? [qemu.package] : []),
    ...(toolchain && isMissing(`${toolchain.prefix}${COMPILER}`, toolchain.packages) ? toolchain.packages.slice(0, 1) : []),
  ];
}

function keyOf(packages: readonly string[]): string {
  return `${packages[0]}.layout${LAYOUT_VERSION}`;
}

/** Folder of the wrappers of a tree: for each program whose name matches. An argument with a slash is a path in the tree. */
async function wrapped(name: string, packages: readonly string[], programs: RegExp, args: readonly string[], report: (line: string) => void): Promise<string> {
  const source = { name, packages, key: keyOf(packages), wanted: WANTED, finish: (tree: string) => wrap(tree, programs, args) };
  const tree = await fetchTree(source, report).catch((cause: unknown) => {
    throw cause instanceof StpError ? new StpError(`${cause.message}; or run "sudo apt-get install ${packages.join(" ")}"`, { cause }) : cause;
  });
  return join(tree, WRAPPERS);
}

const WRAPPERS = "stp-bin";
const VERSION = "-12";
const LIBRARIES = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"] as const;

async function wrap(tree: string, programs: RegExp, args: readonly string[]): Promise<void> {
  await mkdir(join(tree, WRAPPERS));
  for (const program of (await readdir(join(tree, "usr/bin"))).filter((name) => programs.test(name))) {
    const path = join(tree, WRAPPERS, program);
    await writeFile(path, wrapper(program, args));
    await chmod(path, 0o755);
    if (program.endsWith(VERSION)) await symlink(program, path.slice(0, -VERSION.length)); // kernels that are not Debian's ask for the plain name
  }
}

/** The tree may lie anywhere, and is renamed after this. A wrapper becomes the program: signals reach that. */
function wrapper(program: string, args: readonly string[]): string {
  const libraries = LIBRARIES.map((path) => `$tree/${path}`).join(":");
  const more = args.map((arg) => (arg.includes("/") ? ` "$tree/${arg}"` : ` ${arg}`)).join("");
  return `#!/bin/sh\ntree=$(dirname "$0")/..\nLD_LIBRARY_PATH=${libraries} exec "$tree/usr/bin/${program}"${more} "$@"\n`;
}
