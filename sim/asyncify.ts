/**
 * Makes a linked module stoppable: binaryen's asyncify, with `env.yield` as the only import that unwinds.
 *
 * It runs as a child process: tsx needs 10 s to load binaryen as a library, and V8's optimising compiler, which the
 * simulation wants, costs binaryen more than it gains. It reads a pipe and writes one, so that nothing can be left lying.
 * Siblings: machine.ts drives the `asyncify_*` exports that this adds.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { atEnd } from "../spec/at-end.ts";

const TIMEOUT_MS = 300_000;
/** Of the module that comes out, and of what binaryen may say. */
const OUTPUT_BYTES_MAX = 64 << 20;
const WASM_OPT = fileURLToPath(new URL("../node_modules/binaryen/bin/wasm-opt", import.meta.url));
/**
 * The level is asyncify's own: at 1 it saves only the locals that it must. Passes after it would triple its time, and
 * V8 makes the same of the module without them. -g keeps function names, for the stack of a trap.
 */
const PASSES = ["--optimize-level=1", "--asyncify", "--pass-arg=asyncify-imports@env.yield", "-g"];

/** Throws if binaryen does not take the module, which is a bug of ours or a broken installation. */
export async function asyncify(wasm: Uint8Array): Promise<Uint8Array> {
  const running = promisify(execFile)(process.execPath, ["--liftoff-only", WASM_OPT, "-", "-o", "-", ...PASSES], {
    encoding: "buffer",
    timeout: TIMEOUT_MS,
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  const undo = atEnd(() => running.child.kill("SIGKILL"));
  try {
    running.child.stdin!.on("error", () => {}); // it has ended early: its exit code tells
    running.child.stdin!.end(wasm);
    return (await running).stdout;
  } catch (error) {
    throw new Error(`Cannot asyncify the compiled C with ${WASM_OPT}`, { cause: error });
  } finally {
    undo();
  }
}
