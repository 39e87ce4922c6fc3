/**
 * One peer: Debian's SystemTap, its modules, and what a guest needs to run them.
 *
 * Stock 4.8 does not compile on Debian's current 6.1, where task_work_cancel() has changed: our copy of its runtime is
 * patched. Sibling: tree.ts, which unpacks it
 */
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { cachedFile, contentHash } from "../../spec/cache.ts";
import { StpError } from "../../spec/errors.ts";
import type { FetchedKernel } from "../fetch.ts";
import type { GuestFiles } from "../initramfs.ts";
import { lastLine, needProgram, runProcess } from "../process.ts";
import { step } from "../steps.ts";
import { inTemporaryDirectory } from "../temporary.ts";
import { runCounted } from "./guest.ts";
import { inTree } from "./tree.ts";

/** Goes up when the patch changes. */
const LAYOUT_VERSION = 1;
const BUILD_MS_MAX = 300_000;

/** stapio unloads through a shell. */
export const SYSTEMTAP_PACKAGES = ["systemtap", "dash"] as const;
/** Programs that run in the guest, at the paths at which they look for each other. */
export const SYSTEMTAP_PROGRAMS = ["usr/bin/staprun", "usr/lib/systemtap/stapio", "bin/sh"] as const;

const RUNTIME = "usr/share/systemtap/runtime";
const TAPSET = "usr/share/systemtap/tapset";
const PATCHED = `${RUNTIME}/stp_task_work.c`;
const PATCHES: readonly (readonly [string, string])[] = [
  ["typeof(&task_work_cancel) task_work_cancel_fn", "typeof(&task_work_cancel_func) task_work_cancel_fn"],
  ['kallsyms_lookup_name("task_work_cancel")', 'kallsyms_lookup_name("task_work_cancel_func")'],
  ["twork = task_work_cancel(task, func)", "twork = (struct task_work *)task_work_cancel(task, func)"],
];

/** -u: or its optimiser removes what is measured. */
const STAP_OPTIONS = ["--disable-cache", "-u", "-g", "-p4", "-DMAXACTION=100000000", "-DSTP_NO_OVERLOAD"] as const;

/** Makes an unpacked SystemTap compile on today's kernels. */
export async function patchSystemTap(tree: string): Promise<void> {
  const path = join(tree, PATCHED);
  let text = await readFile(path, "utf8");
  for (const [from, to] of PATCHES) {
    if (!text.includes(from)) throw new StpError(`Cannot patch SystemTap: ${basename(path)} has no "${from}"; is it still version 4.8?`);
    text = text.replace(from, to);
  }
  await writeFile(path, text);
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

/** What `/usr/bin/staprun` asks for its rights, beside its libraries. */
export const SYSTEMTAP_FILES: GuestFiles = {
  "/etc/passwd": { contents: "root:x:0:0:root:/tmp:/bin/false\n" },
  "/etc/group": { contents: "root:x:0:\nstapusr:x:101:\nstapsys:x:102:\nstapdev:x:103:\n" },
};
