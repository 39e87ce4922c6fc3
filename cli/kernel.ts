/** stp kernel: the kernels that a probe can run on. */
import { Command } from "commander";
import { LIMITS } from "../spec/protocol.ts";
import { fetchKernel, isKernelCached } from "../kernel-harness/fetch.ts";
import { findKernel, KERNELS } from "../kernel-harness/kernels.ts";
import { DEFAULT_WORKLOAD, runProbeOnKernel } from "../kernel-harness/run.ts";
import { kernelBenchCommand } from "./kernel-bench.ts";
import { readProbe, newDirectory } from "./program.ts";
import { beginProgress, wholeNumber } from "./terminal.ts";

interface RecordOptions {
  readonly on: string;
  readonly output: string;
  readonly cpus: number;
  readonly processes: number;
  readonly opens: number;
}

const PROCESSES_MAX = 64;
const OPENS_MAX = 1_000_000;

export function kernelCommand(): Command {
  const kernel = new Command("kernel").description("Real kernels in QEMU.");
  kernel.command("list").description("List the kernels that are known.").option("--json", "print JSON").action(list);
  kernel.command("fetch").description("Fetch a kernel and its headers from Debian; needs no root.").argument("<kernel>").action(fetch);
  kernel
    .command("record")
    .description("Run a probe on a kernel under a workload and record all that it sees, for the sandbox to replay.")
    .argument("<probe.c>", "the probe")
    .requiredOption("-o, --output <directory>", "the recording, a new directory")
    .option("--on <kernel>", "the kernel", KERNELS[0].name)
    .option("--cpus <n>", "CPUs of the guest", wholeNumber(1, LIMITS.CPUS_MAX.value), 2)
    .option("--processes <n>", "processes of the workload", wholeNumber(1, PROCESSES_MAX), DEFAULT_WORKLOAD.processes)
    .option("--opens <n>", "opens of its first process", wholeNumber(1, OPENS_MAX), DEFAULT_WORKLOAD.opens)
    .action(record);
  kernel.addCommand(kernelBenchCommand());
  return kernel;
}

function list(options: { readonly json?: boolean }): void {
  const rows = KERNELS.map((kernel) => ({ name: kernel.name, cached: isKernelCached(kernel) }));
  if (options.json) process.stdout.write(`${JSON.stringify(rows)}\n`);
  else for (const { name, cached } of rows) process.stdout.write(`${name.padEnd(20)} ${cached ? "cached" : `not here; "./stp kernel fetch ${name}"`}\n`);
}

async function fetch(name: string): Promise<void> {
  const progress = beginProgress(`fetching ${name}`);
  try {
    const { release } = await fetchKernel(findKernel(name), { report: progress.show });
    progress.end();
    process.stdout.write(`${name}: ${release}\n`);
  } finally {
    progress.end();
  }
}

async function record(path: string, options: RecordOptions): Promise<void> {
  const directory = newDirectory(options.output);
  const progress = beginProgress(`recording ${path}`);
  try {
    const { opens } = await runProbeOnKernel({
      ...readProbe(path),
      kernel: options.on,
      record: true,
      cpus: options.cpus,
      workload: { processes: options.processes, opens: options.opens },
      directory,
      report: progress.note,
    });
    progress.end();
    for (const [comm, count] of opens) process.stdout.write(`${comm} opened ${count} files\n`);
    process.stdout.write(`recorded in ${options.output}\n`);
  } finally {
    progress.end();
  }
}
