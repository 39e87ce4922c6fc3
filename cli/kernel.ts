/** stp kernel: the kernels that a probe can run on. */
import { Command } from "commander";
import { LIMITS } from "../spec/protocol.ts";
import { availabilityOf, type Availability, type MissingProgram } from "../kernel-harness/availability.ts";
import { fetchKernel } from "../kernel-harness/fetch.ts";
import { findKernel, KERNELS, type Kernel } from "../kernel-harness/kernels.ts";
import { runProbeOnKernel } from "../kernel-harness/run.ts";
import { describeFacts, readWorkload } from "../kernel-harness/workload.ts";
import { keepSeenSymbols } from "../stpd/post/seen.ts";
import { kernelBenchCommand } from "./kernel-bench.ts";
import { kernelBisectCommand } from "./kernel-bisect.ts";
import { kernelReplayCommand } from "./kernel-replay.ts";
import { kernelTestCommand } from "./kernel-test.ts";
import { readProbe, newDirectory } from "./program.ts";
import { beginProgress, wholeNumber, WORKLOAD_HELP } from "./terminal.ts";

interface RecordOptions {
  readonly on: string;
  readonly output: string;
  readonly cpus: number;
  readonly workload: string;
}

export function kernelCommand(): Command {
  const kernel = new Command("kernel").description("Real kernels in QEMU.");
  kernel.command("list").description("List the kernels that are known: which are here, how the others are got, and what is missing for that.").option("--json", "print JSON").action(list);
  kernel
    .command("fetch")
    .description("Get kernels and their headers: from Debian, or built of its source; needs no root. What is here already stays as it is.")
    .argument("<kernel...>", 'kernels of "stp kernel list"')
    .action(fetch);
  kernel
    .command("record")
    .description("Run a probe on a kernel under a workload and record all that it sees, for the sandbox to replay.")
    .argument("<probe.c>", "the probe")
    .requiredOption("-o, --output <directory>", "the recording, a new directory")
    .option("--on <kernel>", "the kernel", KERNELS[0].name)
    .option("--cpus <n>", "CPUs of the guest", wholeNumber(1, LIMITS.CPUS_MAX.value), 2)
    .option("--workload <workload>", WORKLOAD_HELP, "opens")
    .action(record);
  kernel.addCommand(kernelReplayCommand());
  kernel.addCommand(kernelTestCommand());
  kernel.addCommand(kernelBisectCommand());
  kernel.addCommand(kernelBenchCommand());
  return kernel;
}

async function list(options: { readonly json?: boolean }): Promise<void> {
  const rows = await Promise.all(KERNELS.map(async (kernel: Kernel) => ({ ...kernel, availability: await availabilityOf(kernel) })));
  if (options.json) process.stdout.write(`${JSON.stringify(rows.map(({ name, architecture, doc, availability }) => ({ name, architecture, doc, ...availability })))}\n`);
  else process.stdout.write(table(rows.map(({ name, doc, availability }) => [name, ...describeAvailability(name, availability), doc])));
}

/** State, and what there is to say of it. */
function describeAvailability(name: string, availability: Availability): [string, string] {
  switch (availability.state) {
    case "here":
      return ["here", [availability.release, ...(availability.missing.length > 0 ? [`cannot run: ${howToInstall(availability.missing)}`] : [])].join("; ")];
    case "fetchable":
    case "buildable":
      return [availability.state, `"./stp kernel fetch ${name}", about ${availability.minutes} min, from ${availability.from}`];
    case "no":
      return ["no", howToInstall(availability.missing)];
  }
}

function howToInstall(missing: readonly MissingProgram[]): string {
  return `no ${missing.map((program) => program.program).join(", ")}; run "sudo apt-get install ${[...new Set(missing.map((program) => program.package))].join(" ")}"`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()}\n`).join("");
}

/** One after the other: what a network or a build gives does not come faster at once. */
async function fetch(names: readonly string[]): Promise<void> {
  const kernels = names.map(findKernel); // before the first one begins
  for (const kernel of kernels) {
    const progress = beginProgress(`fetching ${kernel.name}`);
    try {
      const { release } = await fetchKernel(kernel, { report: progress.show });
      progress.end();
      process.stdout.write(`${kernel.name}: ${release}\n`);
    } finally {
      progress.end();
    }
  }
}

async function record(path: string, options: RecordOptions): Promise<void> {
  const directory = newDirectory(options.output);
  const workload = readWorkload(options.workload);
  const progress = beginProgress(`recording ${path}`);
  try {
    const { facts } = await runProbeOnKernel({
      ...readProbe(path),
      kernel: options.on,
      record: true,
      cpus: options.cpus,
      workload,
      directory,
      report: progress.note,
    });
    await keepSeenSymbols(directory);
    progress.end();
    for (const line of facts) process.stdout.write(`${describeFacts(line)}\n`);
    process.stdout.write(`recorded in ${options.output}\n`);
  } finally {
    progress.end();
  }
}
