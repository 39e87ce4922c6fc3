/** A kernel that the user has: its build tree, or a folder with an image and headers. Looks, and changes nothing. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { contentHash } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import { ARCHITECTURES, type Architecture } from "./architectures.ts";
import type { FetchedKernel } from "./fetch.ts";

/** How the makefile of Debian's headers in the cache says where it is (fetch.ts). */
const OWN_FOLDER = "$(dir $(lastword $(MAKEFILE_LIST)))";
const RELEASE = "include/config/kernel.release";
/** A guest of the harness cannot do without them; nor without the console of its architecture. */
const NEEDED = ["MODULE_UNLOAD", "DEBUG_FS", "RELAY", "KPROBES", "BLK_DEV_INITRD", "DEVTMPFS"].map((name) => `CONFIG_${name}`);

/** Where the parts of a kernel are. */
interface Parts {
  readonly headers: string;
  /** Of several, the one of this release. */
  readonly image: (release: string, architecture: Architecture) => string;
  /** Folder that has modules.order, if there is one. */
  readonly modules: (release: string) => string;
  /** Names of a kernel with debug information, the one to take first. */
  readonly vmlinux: (release: string) => readonly string[];
}

/** The kernel in a directory. Throws StpError that names the first thing that is missing. */
export function describeDirectory(given: string): FetchedKernel {
  const path = resolve(given);
  if (/\s/.test(path)) throw cannot(given, "make takes no path with a space");
  if (!isDirectory(path)) throw cannot(given, "there is no such directory");
  // A tree that was made with O= has its source elsewhere, and a link to it.
  const isBuildTree = existsSync(join(path, "Makefile")) && ["Kconfig", "source/Kconfig"].some((name) => existsSync(join(path, name)));
  const parts = isBuildTree ? partsOfBuildTree(given, path) : partsOfFolder(given, path);
  const { headers } = parts;
  const { release, architecture } = describeHeaders(given, headers);
  const image = parts.image(release, architecture);
  const vmlinux = parts.vmlinux(release).map((name) => join(path, name)).find(existsSync);
  return {
    name: given,
    architecture,
    release,
    identity: identityOf(headers, release, image),
    image,
    modules: modulesOf(given, parts.modules(release), headers, architecture),
    headers,
    isWatched: isSet(headers, "CONFIG_KASAN"),
    ...(vmlinux !== undefined && { vmlinux }),
  };
}

function partsOfBuildTree(given: string, path: string): Parts {
  const image = (_release: string, { images }: Architecture): string => {
    const built = images.map((name) => join(path, name)).find(existsSync);
    if (built === undefined) throw cannot(given, `it has no ${images[0]}; run "make" in it`);
    return built;
  };
  return { headers: path, image, modules: () => path, vmlinux: () => ["vmlinux"] };
}

function partsOfFolder(given: string, path: string): Parts {
  const names = readdirSync(path).sort();
  const images = names.filter((name) => /^(vmlinuz.*|bzImage|Image(\.gz)?)$/.test(name));
  if (images.length === 0) throw cannot(given, "it is no kernel's build tree (a Makefile and Kconfig), and has no image (bzImage, Image or vmlinuz*)");
  // Debian's come with others that are common to several kernels and have no configuration.
  const folders = names.filter((name) => name.startsWith("linux-headers-"));
  const folder = folders.find((name) => existsSync(join(path, name, ".config"))) ?? folders[0];
  if (folder === undefined) throw cannot(given, `it has ${images.join(" and ")} but no headers (a folder linux-headers-*)`);
  const image = (release: string): string => {
    const own = images.length === 1 ? images[0]! : images.find((name) => name === `vmlinuz-${release}`);
    if (own === undefined) throw cannot(given, `it has ${images.join(" and ")}, and none is vmlinuz-${release}, as its headers are; leave one`);
    return join(path, own);
  };
  return { headers: join(path, folder), image, modules: (release) => join(path, "lib/modules", release), vmlinux: (release) => [`vmlinux-${release}`, "vmlinux"] };
}

/** What modules are built against: configured and prepared. */
function describeHeaders(given: string, headers: string): { readonly release: string; readonly architecture: Architecture } {
  const missing = (name: string, how: string): StpError => cannot(given, `${headers} has no ${name}; run "${how}" in it`);
  if (!existsSync(join(headers, ".config"))) throw missing(".config", "make defconfig");
  const architecture = Object.values(ARCHITECTURES).find(({ config }) => isSet(headers, config));
  if (!architecture) throw cannot(given, `it is for none of ${Object.keys(ARCHITECTURES).join(", ")}`);
  if (!isSet(headers, "CONFIG_MODULES")) throw cannot(given, "it takes no modules; set CONFIG_MODULES=y");
  if (!existsSync(join(headers, RELEASE))) throw missing(RELEASE, "make modules_prepare");
  if (!existsSync(join(headers, "scripts/mod/modpost"))) throw missing("scripts/mod/modpost", "make modules_prepare");
  if (!existsSync(join(headers, "Module.symvers"))) throw missing("Module.symvers", "make");
  const absent = [...NEEDED, architecture.qemu.consoleConfig].filter((name) => !isSet(headers, name));
  if (absent.length > 0) throw cannot(given, `a guest needs ${absent.join(", ")} built in; set ${absent.length > 1 ? "them" : "it"} to y`);
  return { release: releaseOf(headers), architecture };
}

/** What its modules are made for. Debian's headers have upstream's in the one file, and their own in the other. */
function releaseOf(headers: string): string {
  const header = join(headers, "include/generated/utsrelease.h");
  const own = existsSync(header) ? /UTS_RELEASE "([^"]+)"/.exec(readFileSync(header, "utf8"))?.[1] : undefined;
  return own ?? readFileSync(join(headers, RELEASE), "utf8").trim();
}

/** The folder with modules.order, or undefined if the drivers that a guest needs to be heard are built in. */
function modulesOf(given: string, modules: string, headers: string, { qemu }: Architecture): string | undefined {
  if (existsSync(join(modules, "modules.order"))) return modules;
  const absent = qemu.drivers.map((name) => `CONFIG_${name.toUpperCase()}`).find((name) => !isSet(headers, name));
  if (absent !== undefined) throw cannot(given, `there is no ${join(modules, "modules.order")}, and ${absent} is not built in; give the modules, or set ${absent}=y`);
  return undefined;
}

/** Whether the configuration of the kernel of these headers has it built in. */
export function isSet(headers: string, name: string): boolean {
  return new RegExp(`^${name}=y$`, "m").test(readFileSync(join(headers, ".config"), "utf8"));
}

/**
 * Kernels of one release differ: two trees do, and one tree over time. Module.symvers alone does not tell: without MODVERSIONS it
 * has no checksums. So all headers count too, by size and time.
 */
function identityOf(headers: string, release: string, image: string): string {
  const contents = [".config", "Module.symvers"].map((name) => readFileSync(join(headers, name)));
  const roots = [headers, ...sourcesOf(headers)].map((path) => realpathSync(path)).filter((path, index, all) => all.indexOf(path) === index);
  const listing: string[] = [];
  listFile(realpathSync(image), listing);
  const seen = new Set<string>();
  for (const root of roots) for (const folder of headerFolders(root)) listFolder(folder, listing, seen);
  return `${release}-${contentHash([roots.join("\n"), ...contents, listing.join("\n")])}`;
}

/** Where the rest of a tree is that has a part of the headers only: one made with O=, or Debian's. */
function sourcesOf(headers: string): string[] {
  const makefile = join(headers, "Makefile");
  const lines = existsSync(makefile) ? readFileSync(makefile, "utf8").matchAll(/^include (.+)\/Makefile$/gm) : [];
  const included = [...lines].map(([, path]) => resolve(realpathSync(headers), path!.replace(OWN_FOLDER, "")));
  return [...included, join(headers, "source")].filter(isDirectory);
}

function headerFolders(root: string): string[] {
  const architectures = join(root, "arch");
  const names = isDirectory(architectures) ? readdirSync(architectures).sort() : [];
  return [join(root, "include"), ...names.map((name) => join(architectures, name, "include"))].filter(isDirectory);
}

/** All below a folder; links are followed, each folder is taken once. */
function listFolder(folder: string, listing: string[], seen: Set<string>): void {
  const real = realpathSync(folder);
  if (seen.has(real)) return;
  seen.add(real);
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() || (entry.isSymbolicLink() && isDirectory(path))) listFolder(path, listing, seen);
    else listFile(path, listing);
  }
}

function listFile(path: string, listing: string[]): void {
  const status = statSync(path, { throwIfNoEntry: false });
  listing.push(`${path} ${status?.size} ${status?.mtimeMs}`);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function cannot(path: string, why: string): StpError {
  return new StpError(`Cannot use the kernel in ${path}: ${why}`);
}
