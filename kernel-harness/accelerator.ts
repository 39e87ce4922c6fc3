/**
 * KVM or TCG. KVM may be there and yet not run guests (nested, or half emulated), so it is believed only after a guest
 * has booted with it; the answer holds until the host is booted again.
 */
import { constants } from "node:fs";
import { access, readFile, writeFile } from "node:fs/promises";
import { cachedFile, contentHash } from "../spec/cache.ts";
import type { FetchedKernel } from "./fetch.ts";
import { packInitramfs } from "./initramfs.ts";
import type { Accelerator } from "./qemu.ts";
import { runSession } from "./session.ts";
import { judge } from "./verdict.ts";

const DEVICE = "/dev/kvm";
/** A guest with KVM is up in a second or two, if at all. */
const PROBE_LIMITS = { boot_ms: 10_000, silence_ms: 5_000, timeout_ms: 15_000 } as const;

let told = false;

/** The accelerator for this machine. If KVM is there and cannot be used, says so once through `report`. */
export async function chooseAccelerator(kernel: FetchedKernel, report: (line: string) => void): Promise<Accelerator> {
  const problem = await kvmProblem(kernel);
  if (problem === "absent") return "tcg";
  if (problem === "") return "kvm";
  if (!told) report(`${DEVICE} is there but cannot be used (${problem}); guests run without it, which is slower`);
  told = true;
  return "tcg";
}

/** "" if KVM works, "absent" if there is none, else what is wrong with it. */
async function kvmProblem(kernel: FetchedKernel): Promise<string> {
  if (!kernel.architecture.hosts.includes(process.arch) || !(await isAccessible(constants.F_OK))) return "absent";
  if (!(await isAccessible(constants.R_OK | constants.W_OK))) return "no permission; is this user in group kvm?";
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  const verdict = await cachedFile("kvm", contentHash([boot, kernel.identity]), async (path) => writeFile(path, await probe(kernel)));
  return readFile(verdict, "utf8");
}

async function probe(kernel: FetchedKernel): Promise<string> {
  const machine = { accelerator: "kvm", cpus: 1, memory_mib: 256 } as const;
  const session = await runSession(kernel, machine, await packInitramfs(kernel, {}, []), PROBE_LIMITS);
  const problem = judge(session, PROBE_LIMITS)[0];
  return problem ? problem.message : "";
}

async function isAccessible(mode: number): Promise<boolean> {
  return access(DEVICE, mode).then(() => true, () => false);
}
