/**
 * Kernels into the cache: image, modules and a header tree that modules build against.
 *
 * Debian's need no root: packages are unpacked and never installed (apt.ts). Nothing is visible in the cache before it is
 * complete. A kernel that is there is taken as it is, without network. Siblings: sanitizers/build.ts makes kernels,
 * directory.ts describes those of the user.
 */
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedDirectory, cacheRoot } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import { openApt, type Apt } from "./apt.ts";
import { ARCHITECTURES, type Architecture } from "./architectures.ts";
import { describeDirectory, isSet } from "./directory.ts";
import type { DebianSource, Kernel } from "./kernels.ts";
import { buildSanitizerKernel, sanitizerKey } from "./sanitizers/build.ts";

/** Goes up when the layout of a cached kernel changes. */
const LAYOUT_VERSION = 1;

export interface FetchedKernel {
  readonly name: string;
  readonly architecture: Architecture;
  /** What `uname -r` says in the guest. */
  readonly release: string;
  /** What tells it from all other kernels that there ever were, also of its release; what is made for it is kept under this. */
  readonly identity: string;
  /** Path of the image that QEMU boots. */
  readonly image: string;
  /** Path of lib/modules/RELEASE; undefined if it has no modules. */
  readonly modules: string | undefined;
  /** Path of the header tree for `make -C`. */
  readonly headers: string;
  /** It watches each of its allocations (KASAN). */
  readonly isWatched?: boolean;
  /** Path of the kernel with its debug information, if there is one. */
  readonly vmlinux?: string;
}

export interface FetchOptions {
  readonly cacheDir?: string;
  /** Told what is happening, one line at a time. */
  readonly report?: (line: string) => void;
}

/** The kernel, from the cache, from Debian, built, or where the user has it. Throws StpError if it cannot be had. */
export async function fetchKernel(kernel: Kernel, options: FetchOptions = {}): Promise<FetchedKernel> {
  const { source } = kernel;
  if (source.kind === "directory") return describeDirectory(source.path);
  const root = options.cacheDir ?? cacheRoot();
  if (/\s/.test(root)) throw new StpError(`Cannot keep kernels in "${root}": make takes no path with a space; set STP_CACHE_DIR`);
  const report = options.report ?? (() => {});
  const key = kernelKey(kernel);
  const build = async (temporary: string): Promise<void> =>
    source.kind === "built" ? buildSanitizerKernel(source.sanitizers, temporary, report) : unpackKernel(kernel, source, temporary, report);
  return describe(kernel, key, await cachedDirectory("kernel", key, build, root));
}

/** Whether the kernel is here, so that fetchKernel() will need neither network nor a build. */
export function isKernelCached(kernel: Kernel, cacheDir = cacheRoot()): boolean {
  return kernel.source.kind === "directory" || existsSync(kernelPath(kernel, cacheDir));
}

/** The release of a kernel that is in the cache. */
export async function cachedRelease(kernel: Kernel, cacheDir = cacheRoot()): Promise<string> {
  return kernel.source.kind === "directory" ? describeDirectory(kernel.source.path).release : readRelease(kernelPath(kernel, cacheDir));
}

function kernelPath(kernel: Kernel, cacheDir: string): string {
  return join(cacheDir, "kernel", kernelKey(kernel));
}

function kernelKey({ name, source }: Kernel): string {
  return source.kind === "built" ? `${name}.${sanitizerKey(source.sanitizers)}` : `${name}.layout${LAYOUT_VERSION}`;
}

async function readRelease(directory: string): Promise<string> {
  return (await readFile(join(directory, "release"), "utf8")).trim();
}

async function describe(kernel: Kernel, key: string, directory: string): Promise<FetchedKernel> {
  const release = await readRelease(directory);
  const vmlinux = join(directory, "boot", `vmlinux-${release}`);
  const headers = join(directory, "usr/src", `linux-headers-${release}`);
  return {
    name: kernel.name,
    architecture: ARCHITECTURES[kernel.architecture],
    release,
    identity: kernel.source.kind === "built" ? `${release}-${key}` : release,
    image: join(directory, "boot", `vmlinuz-${release}`),
    modules: join(directory, "lib/modules", release),
    headers,
    isWatched: isSet(headers, "CONFIG_KASAN"),
    ...(existsSync(vmlinux) && { vmlinux }),
  };
}

async function unpackKernel(kernel: Kernel, source: DebianSource, directory: string, report: (line: string) => void): Promise<void> {
  const architecture = ARCHITECTURES[kernel.architecture];
  const apt = await openApt(kernel.name, join(directory, "apt"), architecture.name === HOST ? [] : [architecture.name]);
  report(`${kernel.name}: reading Debian's package lists`);
  await apt.update(report);
  const { release, packages } = await resolvePackages(kernel, source, apt);
  report(`${kernel.name}: downloading ${packages.join(" ")}`);
  await apt.unpack(packages, directory);
  await repairHeaders(directory, release);
  await writeFile(join(directory, "release"), `${release}\n`);
  await Promise.all(["apt", "usr/share"].map((path) => rm(join(directory, path), { recursive: true, force: true })));
  report(`${kernel.name}: ${release} is in the cache`);
}

/** The tools of a build run here, whatever they build for: they are packages of this one. */
const HOST = "amd64";

/** Follows the meta package to the image, and the headers to all that they need. `packages` are `name:architecture=version`. */
async function resolvePackages(kernel: Kernel, source: DebianSource, apt: Apt): Promise<{ release: string; packages: string[] }> {
  const { architecture } = kernel;
  const meta = (await apt.depends(`${source.package}:${architecture}`)).find((dependency) => dependency.name.startsWith(`linux-image-${source.series}`));
  if (!meta?.version) throw cannot(kernel, `Debian's package lists name no ${source.series} kernel for ${source.package}; is a mirror reachable?`);
  const { version } = meta;
  const release = meta.name.slice("linux-image-".length);
  const headers = `linux-headers-${release}`;
  const needed = (await apt.depends(`${headers}:${architecture}=${version}`)).map((dependency) => dependency.name);
  const common = needed.filter((name) => /^linux-headers-/.test(name)); // for all architectures alike
  const tools = needed.filter((name) => /^linux-kbuild-/.test(name)).map((name) => `${name}:${HOST}`);
  if (common.length === 0 || tools.length === 0) throw cannot(kernel, `Debian's package lists have no ${headers} ${version}; try again later`);
  const exactly = (names: readonly string[]): string[] => names.map((name) => `${name}=${version}`);
  return {
    release,
    packages: [
      ...exactly([`${meta.name}:${architecture}`, `${headers}:${architecture}`, ...common]),
      // Other architectures are built later: of amd64 there may be a newer version only, and tools of one series are alike.
      ...(architecture === HOST ? exactly(tools) : tools),
    ],
  };
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
