/** One probe on the machine's own kernel: built against its headers, loaded by a stpd of our own. Sibling: run.ts does it in a guest. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { atInterrupt } from "../spec/at-end.ts";
import { StpError } from "../spec/errors.ts";
import { ARCHITECTURES } from "./architectures.ts";
import type { BuildableKernel } from "./module.ts";
import { buildProbe, buildStpd, inNewRecording, limitsOf, type ProbeText } from "./run.ts";
import { inTemporaryDirectory } from "./temporary.ts";

export interface HostRun extends ProbeText {
  /** The session ends when it ends; without one by ^C, or by itself. */
  readonly command?: string;
  readonly limits?: Readonly<Record<string, number>>;
  /** Where the recording goes: a directory that does not exist, or is empty. */
  readonly directory: string;
  /** Reads the recording while it is made; the run waits for it. Its signal says that there will be no more. */
  readonly follow: (directory: string, signal: AbortSignal) => Promise<void>;
}

/** Builds, loads, records, unloads. Throws StpError if it cannot begin; what went wrong later stpd has said, and its exit status is given back. */
export async function runProbeOnHost(run: HostRun): Promise<number> {
  const module = await buildProbe(hostKernel(), run);
  const stpd = await buildStpd();
  return inNewRecording(run.directory, async (directory) => inTemporaryDirectory("stp-host-", async (build) => {
    // By the names that people see: of the module, and of the process among those that a probe counts.
    const [named, daemon] = [join(build, `${module.name}.ko`), join(build, "stpd")];
    await Promise.all([copyFile(module.path, named), copyFile(stpd, daemon)]);
    const stop = new AbortController();
    const following = run.follow(directory, stop.signal);
    following.catch(() => {}); // it is awaited below
    const status = await runStpd(daemon, [...limitsOf(run.limits), ...(run.command === undefined ? [] : ["-c", run.command]), "-o", directory, named]);
    if (status === STPD_NOT_BEGUN) {
      stop.abort();
      throw new StpError(`Cannot run ${run.path} on this machine: stpd says why, above`);
    }
    await following;
    return status;
  }));
}

/** Exit status of a stpd whose session could not begin. */
const STPD_NOT_BEGUN = 2;

function hostKernel(): BuildableKernel {
  const running = release();
  const headers = `/lib/modules/${running}/build`;
  if (!existsSync(headers)) throw new StpError(`Cannot build a module for the running kernel ${running}: there is no ${headers}; install linux-headers-${running}`);
  return { name: "host", architecture: ARCHITECTURES.amd64, release: running, identity: running, headers };
}

/** In a process group of its own: each ^C comes to it through us, once. */
async function runStpd(stpd: string, args: readonly string[]): Promise<number> {
  const child = spawn(stpd, args, { stdio: ["ignore", "inherit", "inherit"], detached: true });
  const release = atInterrupt(() => void child.kill("SIGINT"));
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => resolve(status ?? 1));
    });
  } finally {
    release();
  }
}
