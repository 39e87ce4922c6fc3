/** stp replay: one trace of operations, on the model and on the runtime. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { messageOf, StpError } from "../spec/errors.ts";
import { loadModel } from "../properties/model.ts";
import { nativeTargets } from "../properties/native.ts";
import { parseTrace, type Operation } from "../properties/operations.ts";
import { compareTrace } from "../properties/verify.ts";
import { wasmTargets } from "../properties/wasm.ts";

export function replayCommand(): Command {
  return new Command("replay")
    .description("Run a file of operations, one a line, on the model and on the runtime, and say what differs.")
    .argument("<file>", "operations as stp verify prints them; # opens a comment")
    .option("--on <world>", '"sandbox" or "native"', "sandbox")
    .action(replay);
}

async function replay(path: string, options: { readonly on: string }): Promise<void> {
  if (options.on !== "sandbox" && options.on !== "native") throw new StpError(`Cannot replay on ${options.on}: the worlds are sandbox and native`);
  const trace = readOperations(path);
  const target = await (options.on === "native" ? await nativeTargets() : await wasmTargets())();
  const difference = await compareTrace(await loadModel(), target, trace);
  if (!difference) {
    process.stdout.write(`${path}: ${trace.length} operations agree with the model\n`);
    return;
  }
  process.stdout.write(`${path}: the runtime and the model differ\n  model:   ${difference.model}\n  runtime: ${difference.target}\n`);
  process.exitCode = 1;
}

function readOperations(path: string): Operation[] {
  const trace = readTraceFile(path).split("\n").flatMap((line, index) => {
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
