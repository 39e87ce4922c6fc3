/** One probe on a real kernel: built, loaded by stpd in a guest, under a workload, and its recording brought back. */
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { asGiven, type ProviderSource } from "../sim/probe.ts";
import { StpError } from "../spec/errors.ts";
import { removeAtEnd } from "../spec/at-end.ts";
import { PROJECT_ROOT } from "../spec/runtime.ts";
import type { Architecture } from "./architectures.ts";
import { buildModule, CompileError, type BuildableKernel } from "./module.ts";
import { fetchKernel, type FetchedKernel } from "./fetch.ts";
import { runGuest, type GuestResult } from "./guest.ts";
import type { GuestFiles } from "./initramfs.ts";
import { chooseKernel } from "./choose.ts";
import { moduleName, probeModule } from "./program.ts";
import { ReceivedDirectory } from "./received.ts";
import { readSources } from "./sources.ts";
import { step } from "./steps.ts";
import { functionSymbols, suggestSymbols } from "./symbols.ts";
import { buildProgram, buildWorkload } from "./tools.ts";
import { parseWorkload, type Workload, type WorkloadFacts } from "./workload.ts";

/** A probe to be built. */
export interface ProbeText {
  /** Path of the probe, for messages. */
  readonly path: string;
  /** Source of the probe. */
  readonly text: string;
  /** Providers of its author's own. */
  readonly providers?: readonly ProviderSource[];
  readonly report?: (line: string) => void;
}

export interface ProbeRun extends ProbeText {
  /** Name of the kernel, as "./stp kernel list" has it. */
  readonly kernel: string;
  /** Record each hit, so that the sandbox can replay it. */
  readonly record: boolean;
  readonly cpus: number;
  /** Limits of the session that are not the default (SESSION_LIMITS). */
  readonly limits?: Readonly<Record<string, number>>;
  readonly workload: Workload;
  /** Where the recording goes: a directory that does not exist, or is empty. */
  readonly directory: string;
  /** Reads the recording while it is made; the run waits for it. Its signal says that there will be no more. */
  readonly follow?: (directory: string, signal: AbortSignal) => Promise<void>;
  /** Ends the workload, and then the session as it ends by itself. */
  readonly signal?: AbortSignal;
}

export interface ProbeRunResult {
  readonly guest: GuestResult;
  /** What the processes of the workload counted themselves. */
  readonly facts: readonly WorkloadFacts[];
}

const STPD_UNITS = [
  "main", "options", "say", "elf", "privileges", "module", "session", "finish", "snapshot", "cleanup", "recording", "stream", "symbols", "maps", "maps_file", "maps_scan", "command",
  "background", "events", "transport", "relay", "relay_readers", "netlink", "netlink_reader", "netlink_socket", "netlink_message",
];
const STPD_HEADERS = ["stpd", "stream", "transport", "session", "elf", "relay", "netlink", "netlink_message"];
const STPD_SOURCES = [...STPD_UNITS.map((unit) => `${unit}.c`), ...STPD_HEADERS.map((header) => `${header}.h`)].map((file) => `stpd/daemon/${file}`);
const START_S_MAX = 60;
const WORKLOAD_S_MAX = 120;
const STOP_S_MAX = 60;

/** Path of the daemon, compiled statically. */
export async function buildStpd(architecture?: Architecture): Promise<string> {
  const sources = await readSources(PROJECT_ROOT, STPD_SOURCES);
  return buildProgram({ name: "stpd", sources, cflags: ["-pthread"] }, architecture);
}

/** A session of a probe under a workload, as a part of a job. */
export interface ProbeJob {
  readonly files: GuestFiles;
  readonly steps: readonly string[];
}

/** Directory of the recording in the guest. */
const RECORDING = "/recording";

/** Builds it. The recording is sent below `directory`. Throws StpError in the compiler's words. */
export async function prepareProbe(kernel: FetchedKernel, run: Omit<ProbeRun, "kernel" | "directory" | "cpus">, directory = RECORDING): Promise<ProbeJob> {
  const module = await buildProbe(kernel, run);
  return {
    files: { "/stpd": await buildStpd(kernel.architecture), "/workload": await buildWorkload(kernel.architecture), [`/${module.name}.ko`]: module.path },
    steps: stepsOf(run, module.name, directory),
  };
}

/**
 * Runs it. Throws StpError if the probe does not compile or attach, or if the run failed; the recording is then not
 * kept.
 */
export async function runProbeOnKernel(run: ProbeRun): Promise<ProbeRunResult> {
  const report = run.report ?? (() => {});
  const kernel = await fetchKernel(chooseKernel(run.kernel), { report });
  const job = await prepareProbe(kernel, run);
  report(`booting ${kernel.name}`);
  const guest = await inNewRecording(run.directory, async (directory) => {
    const stop = new AbortController();
    let following: Promise<void> | undefined;
    const received = new ReceivedDirectory(RECORDING, directory, () => {
      following = run.follow?.(directory, stop.signal);
      following?.catch(() => {}); // it is awaited below
    });
    const ran = await runGuest(kernel, { ...job, cpus: run.cpus, report, onFile: received.take, ...(run.signal && { signal: run.signal }) });
    received.close();
    if (!ran.ok) stop.abort();
    if (ran.ok) await following;
    else throw await failure(run, kernel, ran);
    if (run.record) await keepFunctions(directory, await functionSymbols(kernel, run.report));
    return ran;
  });
  return { guest, facts: parseWorkload(guest.outputs["workload"]?.stdout ?? "") };
}

/** The module of a probe, built for a kernel. Throws StpError in the compiler's words. */
export async function buildProbe(kernel: BuildableKernel, { path, text, providers = [], report = () => {} }: ProbeText): Promise<{ readonly name: string; readonly path: string }> {
  const module = probeModule(path, text, { providers });
  report(`building ${module.name} for ${kernel.release}`);
  const built = await buildModule(kernel, { ...module, report }).catch((error: unknown) => {
    const Kind = error instanceof CompileError ? CompileError : StpError;
    throw error instanceof StpError ? new Kind(asGiven(error.message, path), { cause: error }) : error;
  });
  return { name: module.name, path: built };
}

/** Limits of a session, as options of stpd. */
export function limitsOf(limits: Readonly<Record<string, number>> = {}): string[] {
  return Object.entries(limits).flatMap(([name, value]) => ["-l", `${name}=${value}`]);
}

function stepsOf(run: Pick<ProbeRun, "follow" | "record" | "limits" | "workload">, name: string, directory: string): string[] {
  return [
    ...(run.follow ? [step("follow", directory)] : []), // looking at it disturbs what is recorded
    step("start", "stpd", "/stpd", ...(run.record ? ["-r"] : []), ...limitsOf(run.limits), "-o", directory, `/${name}.ko`),
    step("await", "stpd", "started", START_S_MAX),
    step("run", "workload", WORKLOAD_S_MAX, "/workload", run.workload.mode, run.workload.processes, run.workload.count),
    step("signal", "stpd", "INT", "if-running"), // the program may have ended its session by itself
    step("wait", "stpd", STOP_S_MAX),
    run.follow ? step("unfollow") : step("send", directory),
  ];
}

async function failure(run: ProbeRun, kernel: FetchedKernel, guest: GuestResult): Promise<StpError> {
  const said = guest.outputs["stpd"]?.stderr ?? "";
  const refused = /^stpd: (.*: cannot attach (?:kprobe|kretprobe) (\S+): no such function.*)$/m.exec(said);
  if (refused) return new StpError(`${refused[1]}; ${suggestSymbols(refused[2]!, await functionSymbols(kernel, run.report))}`);
  const problems = guest.problems.map((problem) => problem.message).join("; ");
  const last = (said.includes(": cannot load ") ? refusalOf(moduleName(run.path), guest.console) : undefined) ?? said.trim().split("\n").at(-1);
  return new StpError(`Cannot run ${run.path} on ${kernel.name}: ${problems}${last ? ` (${last})` : ""}`);
}

/** Why a module did not let itself be loaded: it says that to the kernel's log, because there is no other. */
function refusalOf(module: string, console: string): string | undefined {
  const line = console.split(/\r?\n/).filter((text) => text.includes(`] ${module}: `)).at(-1); // the kernel itself says something of modules before
  return line?.slice(line.indexOf(`${module}: `));
}

/** Names alone: what a recording needs to be replayed is whether there is such a function. */
async function keepFunctions(directory: string, symbols: readonly string[]): Promise<void> {
  await mkdir(join(directory, "symbols"), { recursive: true });
  await writeFile(join(directory, "symbols/kallsyms.gz"), gzipSync(symbols.map((name) => `0000000000000000 T ${name}\n`).join(""), { level: 9 }));
}

/** Has a recording made beside its place and renames it there: it is whole, or not there at all. */
export async function inNewRecording<Result>(directory: string, make: (temporary: string) => Promise<Result>): Promise<Result> {
  await mkdir(dirname(directory), { recursive: true });
  const temporary = await mkdtemp(`${directory}.tmp-`);
  const release = removeAtEnd(temporary);
  try {
    const result = await make(temporary);
    await chmod(temporary, 0o755);
    await rename(temporary, directory).catch((cause: unknown) => {
      throw new StpError(`Cannot write the recording ${directory}: it must be a new or empty directory`, { cause });
    });
    return result;
  } finally {
    release();
    await rm(temporary, { recursive: true, force: true });
  }
}
