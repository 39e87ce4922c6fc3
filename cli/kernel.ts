/** stp kernel: the kernels that a probe can run on. */
import { Command } from "commander";
import { LIMITS } from "../spec/protocol.ts";
import { fetchKernel, isKernelCached } from "../kernel-harness/fetch.ts";
import { findKernel, KERNELS } from "../kernel-harness/kernels.ts";
import { runProbeOnKernel } from "../kernel-harness/run.ts";
import { describeFacts, readWorkload } from "../kernel-harness/workload.ts";
import { keepSeenSymbols } from "../stpd/post/seen.ts";
import { kernelBenchCommand } from "./kernel-bench.ts";
import { kernelBisectCommand } from "./kernel-bisect.ts";
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
  kernel.command("list").description("List the kernels that are known.").option("--json", "print JSON").action(list);
  kernel.command("fetch").description("Fetch a kernel and its headers from Debian; needs no root.").argument("<kernel>").action(fetch);
  kernel
    .command("record")
    .description("Run a probe on a kernel under a workload and record all that it sees, for the sandbox to replay.")
    .argument("<probe.c>", "the probe")
    .requiredOption("-o, --output <directory>", "the recording, a new directory")
    .option("--on <kernel>", "the kernel", KERNELS[0].name)
    .option("--cpus <n>", "CPUs of the guest", wholeNumber(1, LIMITS.CPUS_MAX.value), 2)
    .option("--workload <workload>", WORKLOAD_HELP, "opens")
    .action(record);
  kernel.addCommand(kernelTestCommand());
  kernel.addCommand(kernelBisectCommand());
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
