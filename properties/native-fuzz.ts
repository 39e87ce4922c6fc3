/**
 * libFuzzer on the native runtime: bytes become operations, the sanitizers and the ledger judge.
 *
 * `tsx properties/native-fuzz.ts [--seconds N] [--seed N]` runs it; what reached something new is kept for the next time.
 * Sibling: runtime-c/port/native/fuzz_main.c makes the operations.
 */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cacheRoot } from "../spec/cache.ts";
import { compileNative, type NativeProgram } from "./native.ts";

const PROGRAM: NativeProgram = { entry: "fuzz_main.c", compiler: "clang-14", sanitizers: "fuzzer,address,undefined", packages: "clang-14 and libclang-rt-14-dev" };
/** Bytes of one input: some hundred operations. */
const INPUT_BYTES_MAX = 4096;
const SECONDS = 60;

export interface NativeFuzzResult {
  /** Inputs that were run. */
  readonly runs: number;
  /** Inputs that reached something new. */
  readonly added: number;
  /** What the sanitizer or the ledger said, and how to run it again; undefined if nothing is wrong. */
  readonly failure: string | undefined;
}

/** Runs it. Throws StpError if it cannot be compiled. */
export async function nativeFuzz({ seconds, seed, corpus, report = () => {} }: { readonly seconds: number; readonly seed: number; readonly corpus: string; readonly report?: (line: string) => void }): Promise<NativeFuzzResult> {
  const program = await compileNative(PROGRAM, report);
  mkdirSync(corpus, { recursive: true });
  const args = [corpus, `-max_total_time=${seconds}`, `-max_len=${INPUT_BYTES_MAX}`, `-seed=${seed}`, "-print_final_stats=1", `-artifact_prefix=${corpus}-`];
  const { status, log } = await logOf(program, args);
  const figure = (name: string): number => Number(new RegExp(`stat::${name}:\\s+(\\d+)`).exec(log)?.[1] ?? 0);
  const failure = status === 0 ? undefined : `${log.slice(log.search(/^(==\d+==|the session|.*runtime error)/m))}\nagain: ${program} ${/Test unit written to (\S+)/.exec(log)?.[1] ?? ""}`;
  return { runs: figure("number_of_executed_units"), added: figure("new_units_added"), failure };
}

async function logOf(program: string, args: readonly string[]): Promise<{ status: number; log: string }> {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const status = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? 1)));
  return { status, log };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seconds: { type: "string", default: String(SECONDS) }, seed: { type: "string", default: "1" } } });
  const { runs, added, failure } = await nativeFuzz({ seconds: Number(values.seconds), seed: Number(values.seed), corpus: join(cacheRoot(), "native-corpus"), report: console.error });
  if (failure !== undefined) console.error(failure);
  console.log(`${runs} inputs in ${values.seconds} s, ${added} new: ${failure === undefined ? "nothing wrong" : "something is wrong"}`);
  if (failure !== undefined) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
