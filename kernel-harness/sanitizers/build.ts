/**
 * Kernels with sanitizers, built from Debian's source: one that watches memory and locks, one that watches for data races.
 *
 * Needs gcc-12 and make; the rest of the tools, too, comes from Debian and is never installed. What it leaves has the layout of a
 * kernel that fetch.ts unpacks, and vmlinux with debug information beside the image (symbolise.ts).
 * Siblings: common.config, memory.config and races.config say what is in them.
 */
import { readFileSync } from "node:fs";
import { cp, mkdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { contentHash } from "../../spec/cache.ts";
import { StpError } from "../../spec/errors.ts";
import { openApt } from "../apt.ts";
import type { Sanitizers } from "../kernels.ts";
import { lastLine, needProgram, runProcess, type ProcessResult } from "../process.ts";

/** Goes up when what buildSanitizerKernel() leaves changes. */
const LAYOUT_VERSION = 1;

const SOURCE_PACKAGE = "linux-source-6.1";
/** Tools of the build, and the libraries that those need; they run from where they are unpacked. */
const TOOL_PACKAGES = ["flex", "libfl2", "bison", "m4", "bc", "libreadline8", "pahole", "libbpf1", "libdw1", "libelf1", "libelf-dev", "zlib1g-dev"];
const COMPILER = "gcc-12";
const LIBRARIES = "usr/lib/x86_64-linux-gnu";

/** Of the source: what no kernel for a guest is made of, and is large. */
const LEFT_OUT = ["drivers/gpu/drm/amd/include", "tools/testing", "arch/*/boot/dts"];
const DISK_SIZE_MIN = 5 * 1024 ** 3;
const EXTRACT_MS_MAX = 900_000;
const BUILD_MS_MAX = 100 * 60_000; // temporaries of the cache are kept for two hours
/** Files that are compiled, about: for the report of how far it is. */
const COMPILED_ABOUT = { memory: 1200, races: 1180 } as const satisfies Record<Sanitizers, number>;
const STEPS = 10;

/** What modules are built with: of the tree, what make reads, and what it runs. */
const HEADER_PATHS = ["Makefile", ".config", "Module.symvers", "include", "arch/x86/Makefile", "arch/x86/Makefile_32.cpu", "arch/x86/include", "scripts", "tools/objtool/objtool"];

/** Changes whenever the kernel would. Not with Debian's version of the source, as with the kernels that are fetched: which one it is only the network knows. */
export function sanitizerKey(sanitizers: Sanitizers): string {
  return contentHash([SOURCE_PACKAGE, fragmentOf(sanitizers), ...makeVariables(sanitizers), String(LAYOUT_VERSION)]).slice(0, 12);
}

/** Builds it: takes about ten minutes on two cores. Fills the empty `directory`. Throws StpError. */
export async function buildSanitizerKernel(sanitizers: Sanitizers, directory: string, report: (line: string) => void): Promise<void> {
  const name = `sanitizers-${sanitizers}`;
  await needDisk(name, directory);
  const [tools, source] = [join(directory, "tools"), join(directory, "source")];
  await fetchSource(name, directory, tools, report);
  report(`${name}: extracting the source`);
  await extract(name, join(tools, `usr/src/${SOURCE_PACKAGE}.tar.xz`), source);
  const build = new Build(name, sanitizers, source, tools);
  await build.configure();
  await build.compile(report);
  const release = (await readFile(join(source, "include/config/kernel.release"), "utf8")).trim();
  report(`${name}: keeping ${release}`);
  await keep(name, source, directory, release);
  await Promise.all([tools, source, join(directory, "apt")].map((path) => rm(path, { recursive: true, force: true })));
}

/** The configuration that is asked for. */
function fragmentOf(sanitizers: Sanitizers): string {
  return ["common", sanitizers].map((part) => readFileSync(new URL(`${part}.config`, import.meta.url), "utf8")).join("");
}

/** For every make. Command line variables go before those of the tree: the kernel itself then is not watched for races, modules are. */
function makeVariables(sanitizers: Sanitizers): string[] {
  const same = ["KBUILD_BUILD_TIMESTAMP=1970-01-01", "KBUILD_BUILD_USER=stp", "KBUILD_BUILD_HOST=stp"];
  return [`CC=${COMPILER}`, `HOSTCC=${COMPILER}`, ...same, ...(sanitizers === "races" ? ["KCSAN_SANITIZE=n"] : [])];
}

async function needDisk(name: string, directory: string): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < DISK_SIZE_MIN) throw cannot(name, `it takes ${DISK_SIZE_MIN / 1024 ** 3} GiB of disk, and ${directory} has ${(bavail * bsize / 1024 ** 3).toFixed(1)}`);
}

async function fetchSource(name: string, directory: string, tools: string, report: (line: string) => void): Promise<void> {
  const apt = await openApt(name, join(directory, "apt"));
  report(`${name}: reading Debian's package lists`);
  await apt.update();
  report(`${name}: downloading ${SOURCE_PACKAGE} and the tools to build it`);
  await apt.unpack([SOURCE_PACKAGE, ...TOOL_PACKAGES], tools);
}

async function extract(name: string, archive: string, source: string): Promise<void> {
  needProgram("xz", "xz-utils");
  await mkdir(source);
  const excluded = LEFT_OUT.map((path) => `--exclude=${SOURCE_PACKAGE}/${path}`);
  await succeed(name, "extract the source", runProcess("tar", ["-C", source, "--strip-components=1", ...excluded, "-xJf", archive], { timeout_ms: EXTRACT_MS_MAX, env: { ...process.env, XZ_DEFAULTS: "-T0" } }));
}

class Build {
  private readonly make = needProgram("make", "make");

  constructor(
    private readonly name: string,
    private readonly sanitizers: Sanitizers,
    private readonly source: string,
    private readonly tools: string,
  ) {
    needProgram(COMPILER, COMPILER);
    needProgram("ld", "binutils");
  }

  /** Throws if the kernel's rules let something of the fragment drop: it would be missing without a word. */
  async configure(): Promise<void> {
    const fragment = `${fragmentOf(this.sanitizers)}CONFIG_LOCALVERSION="-stp-${this.sanitizers}-${sanitizerKey(this.sanitizers)}"\n`;
    const path = join(this.source, "stp.config");
    await writeFile(path, fragment);
    await succeed(this.name, "configure it", this.run([`KCONFIG_ALLCONFIG=${path}`, "allnoconfig"], () => {}));
    const dropped = droppedFrom(fragment, await readFile(join(this.source, ".config"), "utf8"));
    if (dropped.length > 0) throw cannot(this.name, `its configuration takes no ${dropped.join(", ")}`);
  }

  async compile(report: (line: string) => void): Promise<void> {
    const about = COMPILED_ABOUT[this.sanitizers];
    const jobs = availableParallelism();
    report(`${this.name}: compiling about ${about} files, ${jobs} at a time`);
    let compiled = 0;
    const count = (text: string): void => {
      for (const _ of text.matchAll(/^ {2}(?:CC|AS) /gm)) if (++compiled % Math.ceil(about / STEPS) === 0) report(`${this.name}: ${compiled} of about ${about} files compiled`);
    };
    await succeed(this.name, "compile it", this.run([`-j${jobs}`, "bzImage", "modules"], count));
  }

  private run(args: readonly string[], onStdout: (text: string) => void): Promise<ProcessResult> {
    const flags = [`HOSTCFLAGS=-I${this.tools}/usr/include`, `HOSTLDFLAGS=-L${this.tools}/${LIBRARIES}`];
    return runProcess("nice", ["-n", "5", this.make, "-C", this.source, ...makeVariables(this.sanitizers), ...flags, ...args], { timeout_ms: BUILD_MS_MAX, env: this.environment(), onStdout });
  }

  /** The unpacked tools before those of the machine; nothing that an outer make left. */
  private environment(): NodeJS.ProcessEnv {
    const { MAKEFLAGS, MAKELEVEL, MFLAGS, ARCH, CROSS_COMPILE, KBUILD_OUTPUT, ...rest } = process.env;
    const { tools } = this;
    return {
      ...rest,
      LC_ALL: "C",
      PATH: `${tools}/usr/bin:${rest["PATH"] ?? ""}`,
      LD_LIBRARY_PATH: [join(tools, LIBRARIES), join(tools, "lib/x86_64-linux-gnu")].join(":"),
      BISON_PKGDATADIR: `${tools}/usr/share/bison`,
      M4: `${tools}/usr/bin/m4`,
    };
  }
}

/** Lines of the fragment that the configuration has not. */
export function droppedFrom(fragment: string, config: string): string[] {
  const lines = new Set(config.split("\n"));
  const asked = fragment.split("\n").filter((line) => /^(?:CONFIG_|# CONFIG_\w+ is not set$)/.test(line));
  // What is not visible at all is off as well.
  return asked.filter((line) => !lines.has(line) && !(line.startsWith("#") && !lines.has(`${line.split(" ")[1]}=y`)));
}

/** As fetch.ts unpacks them; and vmlinux. */
async function keep(name: string, source: string, directory: string, release: string): Promise<void> {
  const modules = join(directory, "lib/modules", release);
  const headers = join(directory, "usr/src", `linux-headers-${release}`);
  await Promise.all([join(directory, "boot"), modules, headers].map((path) => mkdir(path, { recursive: true })));
  await cp(join(source, "arch/x86/boot/bzImage"), join(directory, "boot", `vmlinuz-${release}`));
  await cp(join(source, ".config"), join(directory, "boot", `config-${release}`));
  const vmlinux = runProcess("objcopy", ["--compress-debug-sections=zlib", join(source, "vmlinux"), join(directory, "boot", `vmlinux-${release}`)], { timeout_ms: EXTRACT_MS_MAX });
  await succeed(name, "keep its debug information", vmlinux);
  for (const list of ["modules.order", "modules.builtin"]) await cp(join(source, list), join(modules, list));
  for (const path of HEADER_PATHS) {
    await mkdir(dirname(join(headers, path)), { recursive: true });
    await cp(join(source, path), join(headers, path), { recursive: true, verbatimSymlinks: true, filter: (file) => !/\.(?:o|a|cmd)$/.test(file) });
  }
  // Modules are built with the compiler of the kernel, whatever gcc is here.
  const makefile = join(headers, "Makefile");
  await writeFile(makefile, (await readFile(makefile, "utf8")).replace(/^CC(\t+)= \$\(CROSS_COMPILE\)gcc$/m, `CC$1= ${COMPILER}`));
  await writeFile(join(directory, "release"), `${release}\n`);
}

async function succeed(name: string, task: string, running: Promise<ProcessResult>): Promise<void> {
  const { status, stderr, timed_out } = await running;
  if (timed_out) throw cannot(name, `no time left to ${task}`);
  const why = stderr.split("\n").find((line) => /\berror\b|No space left/i.test(line)) ?? lastLine(stderr);
  if (status !== 0) throw cannot(name, `cannot ${task} (${why.trim()})`);
}

function cannot(name: string, why: string): StpError {
  return new StpError(`Cannot build ${name}: ${why}`);
}
