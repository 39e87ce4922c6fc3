/**
 * Debian kernels into the cache: image, modules and a header tree that modules build against.
 *
 * Needs no root: apt works on state of its own inside the temporary folder, packages are unpacked and never installed.
 * Nothing is visible in the cache before it is complete. A kernel that is there is taken as it is, without network.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedDirectory, cacheRoot } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import type { Kernel } from "./kernels.ts";
import { lastLine, needProgram, runProcess, type ProcessResult } from "./process.ts";

const UPDATE_MS_MAX = 180_000;
const DOWNLOAD_MS_MAX = 900_000;
const LOCAL_MS_MAX = 300_000;

/** Goes up when the layout of a cached kernel changes. */
const LAYOUT_VERSION = 1;

/** Where Debian 12 is, for machines that are something else. */
const BOOKWORM_SOURCES = [
  "deb http://deb.debian.org/debian bookworm main",
  "deb http://deb.debian.org/debian bookworm-updates main",
  "deb http://deb.debian.org/debian-security bookworm-security main",
  "",
].join("\n");

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
  const apt = await openApt(kernel, join(directory, "apt"));
  report(`${kernel.name}: reading Debian's package lists`);
  await apt.update();
  const { release, packages } = await resolvePackages(kernel, apt);
  report(`${kernel.name}: downloading ${packages.join(" ")}`);
  for (const archive of await apt.download(packages)) {
    await succeed(kernel, "unpack a package", runProcess("dpkg", ["-x", archive, directory], { timeout_ms: LOCAL_MS_MAX }));
  }
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

interface Dependency {
  readonly name: string;
  /** Set if the dependency is on exactly this version. */
  readonly version: string | undefined;
}

interface Apt {
  update(): Promise<void>;
  /** Dependencies of the candidate, or of `name=version`; none if there is no such package. */
  depends(name: string): Promise<Dependency[]>;
  /** Paths of the archives. */
  download(packages: readonly string[]): Promise<string[]>;
}

/** apt with lists, cache and downloads below `directory`, and the machine's own sources and keys. */
async function openApt(kernel: Kernel, directory: string): Promise<Apt> {
  needProgram("apt-get", "apt");
  needProgram("dpkg", "dpkg");
  const archives = join(directory, "download");
  await Promise.all([archives, join(directory, "lists/partial"), join(directory, "cache/archives/partial")].map((path) => mkdir(path, { recursive: true })));
  await writeFile(join(directory, "status"), "");
  const options = [...stateOptions(directory), ...(await sourceOptions(directory))].flatMap((option) => ["-o", option]);
  return {
    async update() {
      const result = await runProcess("apt-get", [...options, "-q", "update"], { timeout_ms: UPDATE_MS_MAX });
      if (result.status !== 0 || result.timed_out) throw cannot(kernel, `apt-get update failed (${lastLine(result.stderr)}); is a mirror reachable?`);
    },
    async depends(name) {
      const result = await runProcess("apt-cache", [...options, "show", "--no-all-versions", name], { timeout_ms: LOCAL_MS_MAX });
      return result.status === 0 ? parseDepends(result.stdout) : [];
    },
    async download(packages) {
      await succeed(kernel, "download it", runProcess("apt-get", [...options, "-q", "download", ...packages], { cwd: archives, timeout_ms: DOWNLOAD_MS_MAX }));
      return (await readdir(archives)).filter((name) => name.endsWith(".deb")).map((name) => join(archives, name));
    },
  };
}

/** The empty status file: what this machine has installed must not matter. */
function stateOptions(directory: string): string[] {
  return [
    `Dir::State=${directory}`,
    `Dir::State::lists=${join(directory, "lists")}`,
    `Dir::State::status=${join(directory, "status")}`,
    `Dir::Cache=${join(directory, "cache")}`,
    "APT::Architecture=amd64",
    "APT::Sandbox::User=", // root may read no path of ours as user _apt
    "APT::Update::Post-Invoke-Success=",
    "Acquire::Languages=none",
    "Acquire::Retries=2",
  ];
}

async function sourceOptions(directory: string): Promise<string[]> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (/^VERSION_CODENAME=bookworm$/m.test(release)) return [];
  const list = join(directory, "sources.list");
  await writeFile(list, BOOKWORM_SOURCES);
  return [`Dir::Etc::sourcelist=${list}`, "Dir::Etc::sourceparts=/dev/null"];
}

/** The first `Depends:` of what `apt-cache show` prints. */
export function parseDepends(text: string): Dependency[] {
  const depends = /^Depends: (.*)$/m.exec(text)?.[1] ?? "";
  return depends.split(", ").flatMap((item) => {
    const match = /^(\S+)(?: \(= ([^)]+)\))?/.exec(item);
    return match?.[1] ? [{ name: match[1], version: match[2] }] : [];
  });
}

async function succeed(kernel: Kernel, what: string, running: Promise<ProcessResult>): Promise<void> {
  const { status, stderr, timed_out } = await running;
  if (timed_out) throw cannot(kernel, `no time left to ${what}`);
  if (status !== 0) throw cannot(kernel, `cannot ${what} (${lastLine(stderr)})`);
}

function cannot(kernel: Kernel, why: string): StpError {
  return new StpError(`Cannot fetch ${kernel.name}: ${why}`);
}
