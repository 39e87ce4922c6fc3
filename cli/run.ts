/** stp run: a probe's output, over a trace in the sandbox or live on a kernel. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { abortAtInterrupt } from "../spec/at-end.ts";
import { messageOf, StpError } from "../spec/errors.ts";
import { LIMITS, SESSION_LIMITS, SESSION_PROVIDERS, type SessionLimit } from "../spec/protocol.ts";
import { runProbeOnHost } from "../kernel-harness/host.ts";
import { runProbeOnKernel } from "../kernel-harness/run.ts";
import { inTemporaryDirectory } from "../kernel-harness/temporary.ts";
import { DEFAULT_WORKLOAD, describeFacts, readWorkload, type WorkloadFacts } from "../kernel-harness/workload.ts";
import type { ProbeSource } from "../sim/probe.ts";
import type { Sandbox, SessionLimits } from "../sim/sandbox.ts";
import { runTrace, type TraceEvent } from "../sim/trace.ts";
import { generateWorld, WORLD_EVENTS_MAX, WORLD_TASKS_MAX } from "../sim/world.ts";
import { readSymbolFiles } from "../stpd/post/symbols.ts";
import { printRecording } from "./post.ts";
import { findTrace, newDirectory, readProbe, requireKnownPoints, requireRecordedPoints } from "./program.ts";
import { openSandbox, sayMissing } from "./sandbox.ts";
import { beginProgress, wholeNumber, WORKLOAD_HELP, type Progress } from "./terminal.ts";

interface RunOptions {
  readonly on: string;
  readonly trace?: string;
  readonly cpus?: number;
  readonly seed?: number;
  readonly events: number;
  readonly tasks: number;
  readonly limit: SessionLimits;
  readonly workload?: string;
  readonly command?: string;
  readonly output?: string;
  readonly json?: boolean;
}

const DEFAULT_CPUS = 2;

export function runCommand(): Command {
  return new Command("run")
    .description("Run a probe and print its output; what was lost goes to stderr.")
    .argument("<probe.c>", "the probe")
    .option("--on <world>", '"sandbox", a kernel of "stp kernel list", or "host": this machine\'s', "sandbox")
    .option("--trace <directory>", "recording to run over in the sandbox (default: trace/ beside the probe)")
    .option("--seed <n>", "run over a made-up world in the sandbox, not over a recording", wholeNumber(0, 2 ** 31 - 1))
    .option("--events <n>", "events of that world", wholeNumber(0, WORLD_EVENTS_MAX), 10_000)
    .option("--tasks <n>", "tasks of that world", wholeNumber(1, WORLD_TASKS_MAX), 100)
    .option("--cpus <n>", "CPUs (default: the trace's; 2 on a kernel)", wholeNumber(1, LIMITS.CPUS_MAX.value))
    .option("--limit <name=n>", `a limit of the session: ${Object.keys(SESSION_LIMITS).join(", ")}; may be given again`, readLimit, {})
    .option("--workload <workload>", `on a kernel: ${WORKLOAD_HELP} (default: opens)`)
    .option("-c, --command <command>", "on the host: run it, and end the session when it ends (default: until ^C)")
    .option("-o, --output <directory>", "keep the recording in a new directory")
    .option("--json", "print JSON lines")
    .action(run);
}

/** One more `actions=500` beside those that were given before. */
function readLimit(text: string, before: SessionLimits): SessionLimits {
  const [, name, value] = /^(\w+)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined || !(name in SESSION_LIMITS)) throw new InvalidArgumentError(`give one of ${Object.keys(SESSION_LIMITS).join(", ")} and a number, as actions=500.`);
  return { ...before, [name as SessionLimit]: wholeNumber(1, 2 ** 32 - 1)(value) };
}

async function run(path: string, options: RunOptions): Promise<void> {
  const probe = readProbe(path);
  const output = options.output === undefined ? undefined : newDirectory(options.output);
  const progress = beginProgress(`running ${path}`);
  try {
    const runInto = await runnerFor(probe, options, progress);
    await (output === undefined ? inTemporaryDirectory("stp-run-", (directory) => runInto(join(directory, "recording"))) : runInto(output));
  } finally {
    progress.end();
  }
}

async function runnerFor(probe: ProbeSource, options: RunOptions, progress: Progress): Promise<RunInto> {
  if (options.command !== undefined && options.on !== "host") throw new StpError(`Cannot run the command "${options.command}" with --on ${options.on}: it is for --on host${options.on === "sandbox" ? "" : "; for a kernel give --workload"}`);
  if (options.on === "sandbox") return runInSandbox(probe, options, progress);
  if (options.seed !== undefined) throw new StpError(`Cannot run over a made-up world on ${options.on}: it is for the sandbox; leave out --seed or --on`);
  if (options.trace !== undefined) throw new StpError(`Cannot run over ${options.trace} on ${options.on}: a trace is for the sandbox; leave out --trace or --on`);
  return options.on === "host" ? runOnHost(probe, options, progress) : runOnKernel(probe, options, progress);
}

/** Something that puts a recording into a directory that does not exist, and prints it. */
type RunInto = (directory: string) => Promise<void>;

/** Events of a made-up world, at the points that the program attaches to. */
function madeUp({ cpus, probes }: Sandbox, seed: number, { events, tasks }: RunOptions): readonly TraceEvent[] {
  const points = probes.filter(({ provider }) => !SESSION_PROVIDERS.includes(provider)).map(({ provider, target }) => ({ provider, target }));
  return generateWorld({ seed, tasks, events, cpus, points }).events;
}

async function runInSandbox(probe: ProbeSource, options: RunOptions, progress: Progress): Promise<RunInto> {
  if (options.workload !== undefined) throw new StpError(`Cannot run the workload "${options.workload}" in the sandbox: it is for a kernel; add --on, or leave out --workload`);
  if (options.seed !== undefined && options.trace !== undefined) throw new StpError(`Cannot run over ${options.trace} and a made-up world: leave out --trace or --seed`);
  const found = options.seed === undefined ? await findTrace(probe.path, options.trace) : undefined;
  const sandbox = await openSandbox(probe, options.cpus ?? found?.trace.manifest.cpus ?? DEFAULT_CPUS, progress, options.limit);
  if (options.seed === undefined) requireRecordedPoints(probe.path, sandbox.probes, found);
  else requireKnownPoints(probe.path, sandbox.probes, undefined);
  runTrace(sandbox, options.seed === undefined ? (found?.trace.events ?? []) : madeUp(sandbox, options.seed, options));
  const files = sandbox.finish();
  files.set("log.txt", Buffer.from(sandbox.log()));
  sayMissing(sandbox, probe.path, found?.directory ?? "the world", progress);
  for (const [name, bytes] of found ? readSymbolFiles(found.directory) : []) files.set(name, bytes);
  return async (directory) => {
    await keepFiles(directory, files);
    progress.end();
    await printRecording(directory, options);
  };
}

function runOnKernel(probe: ProbeSource, options: RunOptions, progress: Progress): RunInto {
  const cpus = options.cpus ?? DEFAULT_CPUS;
  const workload = options.workload === undefined ? DEFAULT_WORKLOAD : readWorkload(options.workload);
  return async (directory) => {
    const stop = abortAtInterrupt();
    try {
      const { facts } = await runProbeOnKernel({
        ...probe,
        kernel: options.on,
        record: false,
        cpus,
        limits: options.limit,
        workload,
        directory,
        follow: liveOutput(options, progress),
        signal: stop.signal,
        report: progress.note,
      });
      sayFacts(facts, progress);
    } finally {
      stop.release();
    }
  };
}

function runOnHost(probe: ProbeSource, options: RunOptions, progress: Progress): RunInto {
  if (options.workload !== undefined) throw new StpError(`Cannot run the workload "${options.workload}" on this machine: it is for a guest; give --command, or leave out --workload`);
  if (options.cpus !== undefined) throw new StpError("Cannot choose the CPUs of this machine: leave out --cpus");
  return async (directory) => {
    const { command } = options;
    const status = await runProbeOnHost({ ...probe, limits: options.limit, directory, follow: liveOutput(options, progress), report: progress.note, ...(command !== undefined && { command }) });
    if (status !== 0) process.exitCode = status;
  };
}

/** Prints while the session runs. */
function liveOutput(options: RunOptions, progress: Progress): (directory: string, signal: AbortSignal) => Promise<void> {
  return async (directory, signal) => {
    progress.end();
    await printRecording(directory, { ...options, follow: true }, { signal });
  };
}

function sayFacts(facts: readonly WorkloadFacts[], progress: Progress): void {
  for (const line of facts) progress.note(`the workload's ${describeFacts(line)}`);
}

/** Writes beside the place and renames: the recording is whole, or not there at all. */
async function keepFiles(directory: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const temporary = `${directory}.tmp-${process.pid}`;
  try {
    await mkdir(temporary);
    for (const folder of new Set([...files.keys()].map(dirname))) if (folder !== ".") await mkdir(join(temporary, folder));
    for (const [name, bytes] of files) await writeFile(join(temporary, name), bytes);
    await rename(temporary, directory);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw new StpError(`Cannot write the recording ${directory}: ${messageOf(error)}`, { cause: error });
  }
}
