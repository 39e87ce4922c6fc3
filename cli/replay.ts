/** stp replay: a failure's file once more: operations one after the other, or contexts at once by a schedule. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { messageOf, StpError } from "../spec/errors.ts";
import { loadModel } from "../properties/model.ts";
import { nativeTargets } from "../properties/native.ts";
import { replayConcurrentFile } from "../properties/concurrent/replay.ts";
import { parseTrace, type Operation } from "../properties/operations.ts";
import { compareTrace } from "../properties/verify.ts";
import { wasmTargets } from "../properties/wasm.ts";

export function replayCommand(): Command {
  return new Command("replay")
    .description("Run the file of a failure on the model and on the runtime, and say what differs.")
    .argument("<file>", "operations as stp verify prints them, one a line, or contexts as stp fuzz saves them; # opens a comment")
    .option("--on <world>", '"sandbox" or "native"', "sandbox")
    .action(replay);
}

async function replay(path: string, options: { readonly on: string }): Promise<void> {
  if (options.on !== "sandbox" && options.on !== "native") throw new StpError(`Cannot replay on ${options.on}: the worlds are sandbox and native`);
  const text = readTraceFile(path);
  if (IS_CONCURRENT.test(text)) return replayConcurrent(path, text, options.on);
  const trace = readOperations(path, text);
  const target = await (options.on === "native" ? await nativeTargets() : await wasmTargets())();
  const difference = await compareTrace(await loadModel(), target, trace);
  if (!difference) {
    process.stdout.write(`${path}: ${trace.length} operations agree with the model\n`);
    return;
  }
  process.stdout.write(`${path}: the runtime and the model differ\n  model:   ${difference.model}\n  runtime: ${difference.target}\n`);
  process.exitCode = 1;
}

/** Contexts, or a fault of loading: not operations alone. */
const IS_CONCURRENT = /^(context|fault|setup|schedule) /m;

async function replayConcurrent(path: string, text: string, on: string): Promise<void> {
  if (on !== "sandbox") throw new StpError(`Cannot replay ${path} on ${on}: only the sandbox follows a schedule`);
  const { operations, schedules, schedule, trouble } = await replayConcurrentFile(path, text);
  if (!trouble) {
    process.stdout.write(`${path}: ${operations} operations agree with the model in ${schedules === 1 ? "this schedule" : `${schedules} schedules`}\n`);
    return;
  }
  process.stdout.write(`${path}: ${trouble.rule}: ${trouble.detail}\n${schedule === undefined ? "" : `  schedule: ${schedule}\n`}`);
  process.exitCode = 1;
}

function readOperations(path: string, text: string): Operation[] {
  const trace = text.split("\n").flatMap((line, index) => {
    try {
      return parseTrace(line);
    } catch (error) {
      throw error instanceof StpError ? new StpError(`${path}:${index + 1}: ${error.message}`, { cause: error }) : error;
    }
  });
  if (trace.length === 0) throw new StpError(`Cannot replay ${path}: it holds no operation`);
  return trace;
}

function readTraceFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new StpError(`Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
