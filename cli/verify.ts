/** stp verify: the runtime against the model. */
import { Command } from "commander";
import { CELLS_OPERATIONS_MIN, type CellReport } from "../properties/cells.ts";
import { nativeTargets } from "../properties/native.ts";
import { loadModel } from "../properties/model.ts";
import { verify, verifyBatch, type VerifyResult } from "../properties/verify.ts";
import { wasmTargets } from "../properties/wasm.ts";
import { chooseKernel } from "../kernel-harness/choose.ts";
import { replayOnKernel } from "../kernel-harness/replay.ts";
import { beginProgress, wholeNumber, type Progress } from "./terminal.ts";

interface VerifyOptions {
  readonly ops: number;
  readonly seed: number;
  readonly on: string;
  readonly json?: boolean;
}

/** Worlds that need no kernel. */
const HERE = ["sandbox", "native"];
const OPERATIONS_MAX = 1_000_000_000;
const SEED_MAX = 2 ** 31 - 1;

export function verifyCommand(): Command {
  return new Command("verify")
    .description("Run the same operations on the model and on the runtime; compare every result and the state after each.")
    .option("--ops <n>", "operations for each world", wholeNumber(1, OPERATIONS_MAX), 200_000)
    .option("--seed <n>", "seed of the operations", wholeNumber(0, SEED_MAX), 1)
    .option("--on <worlds>", 'comma-separated: "sandbox", "native", kernels of "stp kernel list"', "sandbox")
    .option("--json", "print the result as JSON")
    .action(run);
}

async function run(options: VerifyOptions): Promise<void> {
  const worlds = options.on.split(",");
  for (const world of worlds) if (!HERE.includes(world)) chooseKernel(world); // before the first one begins
  for (const world of worlds) {
    const progress = beginProgress(`verifying on ${world}`);
    try {
      const result = await verifyOn(world, options, progress);
      progress.end();
      process.stdout.write(options.json ? `${JSON.stringify(asJson(world, options, result))}\n` : asText(world, options, result));
      const wrong = wrongCells(result);
      if (wrong !== undefined) process.stderr.write(`${world}: ${wrong} (seed ${options.seed})\n`);
      if (result.divergence || wrong !== undefined) process.exitCode = 1;
    } finally {
      progress.end();
    }
  }
}

async function verifyOn(world: string, { ops, seed }: VerifyOptions, progress: Progress): Promise<VerifyResult> {
  const model = await loadModel();
  const common = { operations: ops, seed, model, progress: (made: number) => progress.show(`verifying on ${world}: ${made} of ${ops} operations`) };
  if (world === "sandbox") return verify({ ...common, target: await wasmTargets(undefined, progress.show) });
  if (world === "native") return verify({ ...common, target: await nativeTargets(progress.show) });
  return verifyBatch({ ...common, run: async (batch) => replayOnKernel(world, batch, { report: progress.note }) });
}

/** A sentence, if a run reached what no rule allows, or did not reach something for all its length. */
export function wrongCells({ operations, divergence, cells: { missing, illegal, legal } }: Omit<VerifyResult, "seconds">): string | undefined {
  if (illegal.length > 0) return `these results are in no rule, each with the level at which it came: ${illegal.join(", ")}`;
  if (divergence || operations < CELLS_OPERATIONS_MIN || missing.length === 0) return undefined;
  return `${operations} operations did not reach ${missing.length} of the ${legal} legal results, each with its level: ${missing.join(", ")}`;
}

function asJson(world: string, { seed }: VerifyOptions, { operations, seconds, divergence, cells }: VerifyResult): unknown {
  return { ops: operations, ops_per_s: Math.round(operations / seconds), on: world, seed, divergences: divergence ? 1 : 0, ...(divergence ? { divergence } : {}), cells: cellsAsJson(cells) };
}

function cellsAsJson({ reached, legal, missing, illegal }: CellReport): unknown {
  return { reached, legal, missing, ...(illegal.length > 0 ? { illegal } : {}) };
}

function asText(world: string, { seed }: VerifyOptions, { operations, seconds, divergence, cells }: VerifyResult): string {
  if (!divergence) {
    const speed = `${Math.round(operations / seconds)} a second${HERE.includes(world) ? "" : " in the guest"}`;
    return `${world}: ${operations} operations of seed ${seed} agree with the model (${speed}; ${cells.reached} of ${cells.legal} results, each by level)\n`;
  }
  return [
    `${world}: the runtime and the model differ (seed ${seed})\n`,
    ...divergence.trace.map((line) => `  ${line}\n`),
    `  model:   ${divergence.model}\n  runtime: ${divergence.target}\n`,
    `  again: put the operations into a file and run "./stp replay FILE --on ${world}"\n`,
  ].join("");
}
