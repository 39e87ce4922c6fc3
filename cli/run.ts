/** stp run: a probe's output, over a trace in the sandbox or live on a kernel. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { StpError } from "../spec/errors.ts";
import { LIMITS } from "../spec/protocol.ts";
import { runtimeSources } from "../spec/runtime.ts";
import { DEFAULT_WORKLOAD, runProbeOnKernel } from "../kernel-harness/run.ts";
import { compileProbe } from "../sim/probe.ts";
import { Sandbox } from "../sim/sandbox.ts";
import { runTrace } from "../sim/trace.ts";
import { instantiate } from "../sim/wasi.ts";
import { printRecording } from "./post.ts";
import { findTrace, readProbe, requireRecordedPoints } from "./program.ts";
import { beginProgress, wholeNumber, type Progress } from "./terminal.ts";

interface RunOptions {
  readonly on: string;
  readonly trace?: string;
  readonly cpus?: number;
  readonly output?: string;
  readonly json?: boolean;
}

const DEFAULT_CPUS = 2;

export function runCommand(): Command {
  return new Command("run")
    .description("Run a probe and print its output; what was lost goes to stderr.")
    .argument("<probe.c>", "the probe")
    .option("--on <world>", '"sandbox", or a kernel of "stp kernel list"', "sandbox")
    .option("--trace <directory>", "recording to run over in the sandbox (default: trace/ beside the probe)")
    .option("--cpus <n>", "CPUs (default: the trace's; 2 on a kernel)", wholeNumber(1, LIMITS.CPUS_MAX.value))
    .option("-o, --output <directory>", "keep the recording in a new directory")
    .option("--json", "print JSON lines")
    .action(run);
}

async function run(path: string, options: RunOptions): Promise<void> {
  const probe = readProbe(path);
  if (options.output !== undefined && existsSync(options.output)) throw new StpError(`Cannot record into ${options.output}: it exists already; name a new directory`);
  const temporary = await mkdtemp(join(tmpdir(), "stp-run-"));
  const directory = options.output ?? join(temporary, "recording");
  const progress = beginProgress(`running ${path}`);
  try {
    if (options.on === "sandbox") await runInSandbox(probe, options, directory, progress);
    else await runOnKernel(probe, options, directory, progress);
    progress.end();
    await printRecording(directory, options);
  } finally {
    progress.end();
    await rm(temporary, { recursive: true, force: true });
  }
}

async function runInSandbox(probe: { path: string; text: string }, options: RunOptions, directory: string, progress: Progress): Promise<void> {
  const found = await findTrace(probe.path, options.trace);
  const { wasm, warnings } = await compileProbe(probe, runtimeSources("wasm32"), false, progress.show);
  if (warnings !== "") progress.note(`clang warns:\n${warnings.trimEnd()}`);
  const instance = await instantiate(wasm, { env: { yield() {} } });
  const sandbox = new Sandbox(instance, options.cpus ?? found?.trace.manifest.cpus ?? DEFAULT_CPUS);
  requireRecordedPoints(probe.path, sandbox.probes, found);
  runTrace(sandbox, found?.trace.events ?? []);
  await mkdir(directory, { recursive: true });
  for (const [name, bytes] of sandbox.finish()) await writeFile(join(directory, name), bytes);
  await writeFile(join(directory, "log.txt"), sandbox.log());
}

async function runOnKernel(probe: { path: string; text: string }, options: RunOptions, directory: string, progress: Progress): Promise<void> {
  const cpus = options.cpus ?? DEFAULT_CPUS;
  const { opens } = await runProbeOnKernel({ ...probe, kernel: options.on, record: false, cpus, workload: DEFAULT_WORKLOAD, directory, report: progress.note });
  for (const [comm, count] of opens) progress.note(`the workload's ${comm} opened ${count} files`);
}
