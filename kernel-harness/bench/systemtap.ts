/**
 * The peer: Debian's SystemTap, unpacked into the cache, its modules, and what a guest needs to run them.
 *
 * Nothing of it is installed on this machine, and nothing of it is in the repository. Stock 4.8 does not compile on
 * Debian's current 6.1, where task_work_cancel() has changed: our copy of its runtime is patched.
 */
import { copyFile, readdir, readFile, rm, symlink, mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { cachedDirectory, cachedFile, contentHash } from "../../spec/cache.ts";
import { StpError } from "../../spec/errors.ts";
import { openApt, type Apt } from "../apt.ts";
import type { FetchedKernel } from "../fetch.ts";
import type { GuestFiles } from "../initramfs.ts";
import { lastLine, needProgram, runProcess } from "../process.ts";
import { step } from "../steps.ts";
import { inTemporaryDirectory } from "../temporary.ts";
import { runCounted } from "./guest.ts";

/** Goes up when the layout of the cached tree or the patch changes. */
const LAYOUT_VERSION = 1;
const BUILD_MS_MAX = 300_000;
const LIST_MS_MAX = 20_000;
/** Packages of the closure; more means that it went astray. */
const PACKAGES_MAX = 100;

const LIBRARIES = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"] as const;
const LOADER = "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
const RUNTIME = "usr/share/systemtap/runtime";
const TAPSET = "usr/share/systemtap/tapset";
/** Programs that run in the guest, at the paths at which they look for each other; stapio unloads through a shell. */
const PROGRAMS = ["usr/bin/staprun", "usr/lib/systemtap/stapio", "bin/sh"] as const;

const PATCHED = `${RUNTIME}/stp_task_work.c`;
const PATCHES: readonly (readonly [string, string])[] = [
  ["typeof(&task_work_cancel) task_work_cancel_fn", "typeof(&task_work_cancel_func) task_work_cancel_fn"],
  ['kallsyms_lookup_name("task_work_cancel")', 'kallsyms_lookup_name("task_work_cancel_func")'],
  ["twork = task_work_cancel(task, func)", "twork = (struct task_work *)task_work_cancel(task, func)"],
];

/** -u: or its optimiser removes what is measured. */
const STAP_OPTIONS = ["--disable-cache", "-u", "-g", "-p4", "-DMAXACTION=100000000", "-DSTP_NO_OVERLOAD"] as const;

/** Path of the unpacked and patched SystemTap, from the cache or from Debian. */
export async function fetchSystemTap(report: (line: string) => void): Promise<string> {
  return cachedDirectory("systemtap", `debian-12.layout${LAYOUT_VERSION}`, async (directory) => {
    const apt = await openApt("SystemTap", join(directory, "apt"));
    report("SystemTap: reading Debian's package lists");
    await apt.update();
    const packages = await withLibraries(apt, ["systemtap", "dash"]);
    report(`SystemTap: downloading ${packages.length} packages`);
    await apt.unpack(packages, directory);
    await patch(join(directory, PATCHED));
    await Promise.all(["apt", "usr/share/doc", "usr/share/locale", "usr/share/man"].map((path) => rm(join(directory, path), { recursive: true, force: true })));
  });
}

/** These packages, the other parts of SystemTap, and all libraries that these need: no interpreters, no tools. */
async function withLibraries(apt: Apt, roots: readonly string[]): Promise<string[]> {
  const names = [...roots];
  for (let i = 0; i < names.length; i++) {
    for (const { name } of await apt.depends(names[i]!)) if (/^(systemtap|lib|zlib)/.test(name) && !names.includes(name)) names.push(name);
    if (names.length > PACKAGES_MAX) throw new StpError(`Cannot fetch SystemTap: it needs more than ${PACKAGES_MAX} packages`);
  }
  return names;
}

async function patch(path: string): Promise<void> {
  let text = await readFile(path, "utf8");
  for (const [from, to] of PATCHES) {
    if (!text.includes(from)) throw new StpError(`Cannot patch SystemTap: ${basename(path)} has no "${from}"; is it still version 4.8?`);
    text = text.replace(from, to);
  }
  await writeFile(path, text);
}

/** A command in the tree, run with the tree's own loader and libraries: this machine's may be others. */
function inTree(tree: string, ...args: string[]): [string, string[]] {
  return [join(tree, LOADER), ["--library-path", LIBRARIES.map((path) => join(tree, path)).join(":"), ...args]];
}

/** Path of the module of a script, from the cache or built. `name` is the module's. */
export async function buildScript(tree: string, kernel: FetchedKernel, name: string, script: string): Promise<string> {
  const hash = contentHash([`layout${LAYOUT_VERSION}`, kernel.release, script, ...STAP_OPTIONS]);
  return cachedFile("systemtap-module", `${name}-${hash}.ko`, async (path) => {
    for (const program of ["make", "gcc-12"]) needProgram(program, program);
    const map = await systemMap(kernel);
    await inTemporaryDirectory("stp-systemtap-", async (directory) => {
      await writeFile(join(directory, "script.stp"), script);
      const headers = await headersWithMap(kernel, map, join(directory, "headers"));
      const options = [...STAP_OPTIONS, "-R", join(tree, RUNTIME), "-I", join(tree, TAPSET), "-r", headers, "-m", name];
      const [program, args] = inTree(tree, join(tree, "usr/bin/stap"), ...options, "script.stp");
      const env = { ...process.env, LC_ALL: "C", SYSTEMTAP_DIR: join(directory, "state") };
      const result = await runProcess(program, args, { cwd: directory, timeout_ms: BUILD_MS_MAX, env });
      if (result.status !== 0) throw new StpError(`Cannot build ${name} with SystemTap: ${result.timed_out ? "it took too long" : lastLine(result.stderr)}\n${result.stderr}`);
      await copyFile(join(directory, `${name}.ko`), path);
    });
  });
}

/** The header tree with a System.map in it, which Debian's packages do not have: SystemTap looks for functions there. */
async function headersWithMap(kernel: FetchedKernel, map: string, directory: string): Promise<string> {
  await mkdir(directory);
  for (const entry of await readdir(kernel.headers)) if (entry !== "Makefile") await symlink(join(kernel.headers, entry), join(directory, entry));
  await writeFile(join(directory, "Makefile"), `include ${join(kernel.headers, "Makefile")}\n`);
  await symlink(map, join(directory, "System.map"));
  return directory;
}

/** Path of the kernel's symbols with their addresses, asked once from a guest, where they are the same in each boot. */
async function systemMap(kernel: FetchedKernel): Promise<string> {
  return cachedFile("symbols", `${kernel.release}.System.map`, async (path) => {
    const guest = await runCounted(kernel, {}, [step("send", "/proc/kallsyms")]);
    const kallsyms = Buffer.from(guest.files.get("/proc/kallsyms") ?? []).toString();
    await writeFile(path, kallsyms.split("\n").filter((line) => line !== "" && !line.includes("[")).map((line) => `${line}\n`).join(""));
  });
}

/** What `/usr/bin/staprun` needs in a guest. */
export async function staprunFiles(tree: string): Promise<GuestFiles> {
  const libraries = (await Promise.all(PROGRAMS.map((program) => librariesOf(tree, program)))).flat();
  return {
    "/lib64/ld-linux-x86-64.so.2": join(tree, LOADER),
    ...Object.fromEntries(libraries.map((path) => [`/lib/x86_64-linux-gnu/${basename(path)}`, path])),
    ...Object.fromEntries(PROGRAMS.map((program) => [`/${program}`, join(tree, program)])),
    "/etc/passwd": { contents: "root:x:0:0:root:/tmp:/bin/false\n" },
    "/etc/group": { contents: "root:x:0:\nstapusr:x:101:\nstapsys:x:102:\nstapdev:x:103:\n" },
  };
}

async function librariesOf(tree: string, program: string): Promise<string[]> {
  const [loader, args] = inTree(tree, "--list", join(tree, program));
  const { stdout } = await runProcess(loader, args, { timeout_ms: LIST_MS_MAX });
  return [...stdout.matchAll(/ => (\/\S+) /g)].map((match) => match[1]!).filter((path) => !path.endsWith(basename(LOADER)));
}
