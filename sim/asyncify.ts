/**
 * Makes a linked module stoppable: binaryen's asyncify, with `env.yield` as the only import that unwinds.
 *
 * It runs as a child process: tsx needs 10 s to load binaryen as a library, and V8's optimising compiler, which the
 * simulation wants, costs binaryen more than it gains.
 * Siblings: machine.ts drives the `asyncify_*` exports that this adds.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const TIMEOUT_MS = 300_000;
const WASM_OPT = fileURLToPath(new URL("../node_modules/binaryen/bin/wasm-opt", import.meta.url));
/** -g keeps function names, for the stack of a trap. */
const PASSES = ["--asyncify", "--pass-arg=asyncify-imports@env.yield", "-O2", "-g"];

/** Throws if binaryen does not take the module, which is a bug of ours or a broken installation. */
export async function asyncify(wasm: Uint8Array): Promise<Uint8Array> {
  const directory = await mkdtemp(join(tmpdir(), "stp-asyncify-"));
  const [from, to] = [join(directory, "from.wasm"), join(directory, "to.wasm")];
  try {
    await writeFile(from, wasm);
    await promisify(execFile)(process.execPath, ["--liftoff-only", WASM_OPT, from, "-o", to, ...PASSES], { timeout: TIMEOUT_MS });
    return await readFile(to);
  } catch (error) {
    throw new Error(`Cannot asyncify the compiled C with ${WASM_OPT}`, { cause: error });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
