/** One probe on a real kernel: built, loaded by stpd in a guest, under a workload, and its recording brought back. */
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { asGiven, type ProviderSource } from "../sim/probe.ts";
import { StpError } from "../spec/errors.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import { buildModule } from "./module.ts";
import { fetchKernel, type FetchedKernel } from "./fetch.ts";
import { runGuest, type GuestResult } from "./guest.ts";
import { findKernel } from "./kernels.ts";
import { probeModule } from "./program.ts";
import { readSources } from "./sources.ts";
import { step } from "./steps.ts";
import { functionSymbols, suggestSymbols } from "./symbols.ts";
import { buildProgram, buildWorkload } from "./tools.ts";
import { parseWorkload, type Workload, type WorkloadFacts } from "./workload.ts";

export interface ProbeRun {
  /** Name of the kernel, as "./stp kernel list" has it. */
  readonly kernel: string;
  /** Path of the probe, for messages. */
  readonly path: string;
  /** Source of the probe. */
  readonly text: string;
  /** Providers of its author's own. */
  readonly providers?: readonly ProviderSource[];
  /** Record each hit, so that the sandbox can replay it. */
  readonly record: boolean;
  readonly cpus: number;
  /** Limits of the session that are not the default (SESSION_LIMITS). */
  readonly limits?: Readonly<Record<string, number>>;
  readonly workload: Workload;
  /** Where the recording goes: a directory that does not exist, or is empty. */
  readonly directory: string;
  readonly report?: (line: string) => void;
}

export interface ProbeRunResult {
  readonly guest: GuestResult;
  /** What the processes of the workload counted themselves. */
  readonly facts: readonly WorkloadFacts[];
}

const STPD_SOURCES = ["main", "module", "readers", "recording", "say"].map((unit) => `stpd/daemon/${unit}.c`);
const START_S_MAX = 60;
const WORKLOAD_S_MAX = 120;
const STOP_S_MAX = 60;

/** Path of the daemon, compiled statically. */
export async function buildStpd(): Promise<string> {
  const sources = await readSources(PROJECT_ROOT, [...STPD_SOURCES, "stpd/daemon/stpd.h"]);
  return buildProgram({ name: "stpd", sources, cflags: ["-pthread"] });
}

/**
 * Runs it. Throws StpError if the probe does not compile or attach, or if the run failed; the recording is then not
 * written.
 */
export async function runProbeOnKernel(run: ProbeRun): Promise<ProbeRunResult> {
  const report = run.report ?? (() => {});
  const kernel = await fetchKernel(findKernel(run.kernel), { report });
  const module = probeModule(run.path, run.text, { providers: run.providers ?? [] });
  report(`building ${module.name} for ${kernel.release}`);
  const files = {
    "/stpd": await buildStpd(),
    "/workload": await buildWorkload(),
    [`/${module.name}.ko`]: await buildModule(kernel, { ...module, report }).catch((error: unknown) => {
      throw error instanceof StpError ? new StpError(asGiven(error.message, run.path), { cause: error }) : error;
    }),
  };
  report(`booting ${kernel.name}`);
  const guest = await runGuest(kernel, { files, steps: stepsOf(run, module.name), cpus: run.cpus, report });
  if (!guest.ok) throw await failure(run, kernel, guest);
  await keepRecording(run, kernel, guest);
  return { guest, facts: parseWorkload(guest.outputs["workload"]?.stdout ?? "") };
}

function limitsOf({ limits = {} }: ProbeRun): string[] {
  return Object.entries(limits).flatMap(([name, value]) => ["-l", `${name}=${value}`]);
}

function stepsOf(run: ProbeRun, name: string): string[] {
  return [
    step("start", "stpd", "/stpd", ...(run.record ? ["-r"] : []), ...limitsOf(run), "-o", "/recording", `/${name}.ko`),
    step("await", "stpd", "started", START_S_MAX),
    step("run", "workload", WORKLOAD_S_MAX, "/workload", run.workload.mode, run.workload.processes, run.workload.count),
    step("signal", "stpd", "INT", "if-running"), // the program may have ended its session by itself
    step("wait", "stpd", STOP_S_MAX),
    step("send", "/recording"),
  ];
}

async function failure(run: ProbeRun, kernel: FetchedKernel, guest: GuestResult): Promise<StpError> {
  const said = guest.outputs["stpd"]?.stderr ?? "";
  const refused = /^stpd: (.*: cannot attach (?:kprobe|kretprobe) (\S+): no such function.*)$/m.exec(said);
  if (refused) return new StpError(`${refused[1]}; ${suggestSymbols(refused[2]!, await functionSymbols(kernel, run.report))}`);
  const problems = guest.problems.map((problem) => problem.message).join("; ");
  const last = said.trim().split("\n").at(-1);
  return new StpError(`Cannot run ${run.path} on ${kernel.name}: ${problems}${last ? ` (${last})` : ""}`);
}

/** Writes the recording beside its place and renames it there: it is whole, or not there at all. */
async function keepRecording(run: ProbeRun, kernel: FetchedKernel, guest: GuestResult): Promise<void> {
  await mkdir(dirname(run.directory), { recursive: true });
  const temporary = await mkdtemp(`${run.directory}.tmp-`);
  try {
    await mkdir(join(temporary, "symbols"));
    for (const [path, bytes] of guest.files) {
      if (path.startsWith("/recording/")) await writeFile(join(temporary, path.slice("/recording/".length)), bytes);
    }
    if (run.record) {
      const symbols = await functionSymbols(kernel, run.report);
      await writeFile(join(temporary, "symbols/kallsyms.gz"), gzipSync(symbols.map((name) => `0000000000000000 T ${name}\n`).join("")));
    }
    await chmod(temporary, 0o755);
    await rename(temporary, run.directory);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw new StpError(`Cannot write the recording ${run.directory}: it must be a new or empty directory`, { cause: error });
  }
}
