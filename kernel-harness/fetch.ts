/**
 * Debian kernels into the cache: image, modules and a header tree that modules build against.
 *
 * Needs no root: packages are unpacked and never installed (apt.ts). Nothing is visible in the cache before it is
 * complete. A kernel that is there is taken as it is, without network.
 */
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedDirectory, cacheRoot } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import { openApt, type Apt } from "./apt.ts";
import type { Kernel } from "./kernels.ts";

/** Goes up when the layout of a cached kernel changes. */
const LAYOUT_VERSION = 1;

export interface FetchedKernel {
  readonly name: string;
  /** What `uname -r` says in the guest. */
  readonly release: string;
  /** Path of the bzImage. */
  readonly image: string;
  /** Path of lib/modules/RELEASE. */
  readonly modules: string;
  /** Path of the header tree for `make -C`. */
  readonly headers: string;
}

export interface FetchOptions {
  readonly cacheDir?: string;
  /** Told what is happening, one line at a time. */
  readonly report?: (line: string) => void;
}

/** The kernel, from the cache or from Debian. Throws StpError if it is in neither. */
export async function fetchKernel(kernel: Kernel, options: FetchOptions = {}): Promise<FetchedKernel> {
  const root = options.cacheDir ?? cacheRoot();
  if (/\s/.test(root)) throw new StpError(`Cannot keep kernels in "${root}": make takes no path with a space; set STP_CACHE_DIR`);
  const directory = await cachedDirectory("kernel", kernelKey(kernel), (temporary) => unpackKernel(kernel, temporary, options.report ?? (() => {})), root);
  return describe(kernel, directory);
}

/** Whether the kernel is in the cache, so that fetchKernel() will not need the network. */
export function isKernelCached(kernel: Kernel, cacheDir = cacheRoot()): boolean {
  return existsSync(join(cacheDir, "kernel", kernelKey(kernel)));
}

function kernelKey(kernel: Kernel): string {
  return `${kernel.name}.layout${LAYOUT_VERSION}`;
}

async function describe(kernel: Kernel, directory: string): Promise<FetchedKernel> {
  const release = (await readFile(join(directory, "release"), "utf8")).trim();
  return {
    name: kernel.name,
    release,
    image: join(directory, "boot", `vmlinuz-${release}`),
    modules: join(directory, "lib/modules", release),
    headers: join(directory, "usr/src", `linux-headers-${release}`),
  };
}

async function unpackKernel(kernel: Kernel, directory: string, report: (line: string) => void): Promise<void> {
  const apt = await openApt(kernel.name, join(directory, "apt"));
  report(`${kernel.name}: reading Debian's package lists`);
  await apt.update();
  const { release, packages } = await resolvePackages(kernel, apt);
  report(`${kernel.name}: downloading ${packages.join(" ")}`);
  await apt.unpack(packages, directory);
  await repairHeaders(directory, release);
  await writeFile(join(directory, "release"), `${release}\n`);
  await Promise.all(["apt", "usr/share"].map((path) => rm(join(directory, path), { recursive: true, force: true })));
  report(`${kernel.name}: ${release} is in the cache`);
}

/** Follows the meta package to the image, and the headers to all that they need. `packages` are `name=version`. */
async function resolvePackages(kernel: Kernel, apt: Apt): Promise<{ release: string; packages: string[] }> {
  const meta = (await apt.depends(kernel.package)).find((dependency) => dependency.name.startsWith(`linux-image-${kernel.series}`));
  if (!meta?.version) throw cannot(kernel, `Debian's package lists name no ${kernel.series} kernel for ${kernel.package}; is a mirror reachable?`);
  const release = meta.name.slice("linux-image-".length);
  const headers = `linux-headers-${release}`;
  const needed = (await apt.depends(`${headers}=${meta.version}`)).map((dependency) => dependency.name).filter((name) => /^linux-(headers|kbuild)-/.test(name));
  if (needed.length === 0) throw cannot(kernel, `Debian's package lists have no ${headers} ${meta.version}; try again later`);
  return { release, packages: [meta.name, headers, ...needed].map((name) => `${name}=${meta.version}`) };
}

/** The header tree says /usr/src; let it say where it is, so that the cache may lie anywhere. */
async function repairHeaders(directory: string, release: string): Promise<void> {
  const makefile = join(directory, "usr/src", `linux-headers-${release}`, "Makefile");
  const text = await readFile(makefile, "utf8");
  await writeFile(makefile, text.replace("/usr/src/", "$(dir $(lastword $(MAKEFILE_LIST)))../"));
  await Promise.all(["build", "source"].map((link) => rm(join(directory, "lib/modules", release, link), { force: true })));
}

function cannot(kernel: Kernel, why: string): StpError {
  return new StpError(`Cannot fetch ${kernel.name}: ${why}`);
}
