/**
 * The model as a replay target: compiles `runtime-as/` (once for each content) and runs it in this process.
 *
 * Never knows the rules: they are in `runtime-as/assembly/`.
 */
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachedFile, contentHash } from "../spec/cache.ts";
import { StpError } from "../spec/errors.ts";
import { sizeOf } from "../spec/layout.ts";
import { PROTOCOL_VERSION } from "../spec/protocol.ts";
import { operationsOf, type ReplayTarget } from "./target.ts";

const MODEL_DIRECTORY = fileURLToPath(new URL("../runtime-as/", import.meta.url));

interface ModelExports {
  readonly memory: WebAssembly.Memory;
  replay_init(): void;
  replay_discard(): void;
  replay_alloc(size: number): number;
  replay_run(batch: number, batchSize: number, results: number): number;
  replay_dump(): number;
  replay_dump_size(): number;
  replay_dump_digest(): bigint;
  replay_outputs(): number;
  replay_outputs_size(): number;
  replay_step(batch: number, batchSize: number, step: number, index: number): number;
  protocol_version(): number;
}

/** Steps of a call, as runtime-as/assembly/steps.ts has them. */
export const STEPS = { begin: 0, visit: 1, text: 2, report: 3, end: 4, look: 5, peek: 6, size: 7 } as const;
export type Step = keyof typeof STEPS;

/** What of `assemblyscript/asc` is used. Its own types declare AssemblyScript's globals for the whole program. */
interface Compiler {
  main(
    argv: readonly string[],
    api: {
      readFile(path: string): string | null;
      writeFile(path: string, contents: string | Uint8Array): void;
      listFiles(directory: string): string[];
    },
  ): Promise<{ readonly error: Error | null; readonly stderr: { toString(): string } }>;
}
const COMPILER: string = "assemblyscript/asc";

/** The model shows more than other targets: what the oracle of concurrent runs has to compare. */
export interface Model extends ReplayTarget {
  /** From now on no ring overwrites (T6), whatever the protocol says of a replay. */
  discard(): void;
  /** The outputs of the last operation (O5), in memory of the caller's own. */
  outputs(): Uint8Array;
  /** A step of the operation that is all of a batch: what it gives, or the error of the call. */
  step(batch: Uint8Array, step: Step, index?: number): number;
  /** The digest (O4) of the full dump of the session now: equal where two sessions are. */
  digest(): bigint;
}

/** AssemblyScript sources and `asconfig.json` by path from `runtime-as/`. */
export type ModelSources = ReadonlyMap<string, string>;

/** The model, with a fresh session. Throws `StpError` if it does not compile. */
export async function loadModel(): Promise<Model> {
  return loadModelFrom(await readModelSources());
}

/** The sources of the model as they are on disk. */
export async function readModelSources(): Promise<ModelSources> {
  const files = (await readdir(join(MODEL_DIRECTORY, "assembly"))).filter((name) => name.endsWith(".ts")).sort();
  const paths = ["asconfig.json", ...files.map((name) => `assembly/${name}`)];
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(MODEL_DIRECTORY, path), "utf8")] as const)));
}

/** A model from the given sources (tests break them on purpose), with a fresh session. Throws `StpError` as `loadModel`. */
export async function loadModelFrom(sources: ModelSources): Promise<Model> {
  const key = contentHash([await compilerVersion(), ...[...sources].flat()]);
  const path = await cachedFile("model", `${key}.wasm`, async (temporary) => writeFile(temporary, await compile(sources)));
  return instantiate(await readFile(path));
}

async function compilerVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(new URL("../node_modules/assemblyscript/package.json", import.meta.url), "utf8"));
  return (manifest as { version: string }).version;
}

async function compile(sources: ModelSources): Promise<Uint8Array> {
  const { default: asc } = (await import(COMPILER)) as { default: Compiler }; // late: slow to load, not needed once cached
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["--config", "asconfig.json", "--target", "release"], {
    readFile: (path) => sources.get(path.replace(/^\.\//, "")) ?? null,
    writeFile: (path, contents) => {
      if (path.endsWith(".wasm") && typeof contents !== "string") wasm = contents;
    },
    listFiles: () => [],
  });
  if (error || !wasm) throw new StpError(`Cannot compile the model; mend runtime-as/assembly:\n${stderr.toString()}`, { cause: error });
  return wasm;
}

async function instantiate(wasm: Uint8Array<ArrayBuffer>): Promise<Model> {
  const { instance } = await WebAssembly.instantiate(wasm, { env: { abort } });
  const model = instance.exports as unknown as ModelExports;
  if (model.protocol_version() !== PROTOCOL_VERSION) {
    throw new StpError(`The model speaks protocol ${model.protocol_version()}, this is ${PROTOCOL_VERSION}; run "npm run generate"`);
  }
  model.replay_init();
  return {
    init: () => model.replay_init(),
    discard: () => model.replay_discard(),
    run: (batch) => run(model, batch),
    dump: () => {
      const at = model.replay_dump();
      return new Uint8Array(model.memory.buffer, at, model.replay_dump_size()).slice();
    },
    outputs: () => new Uint8Array(model.memory.buffer, model.replay_outputs(), model.replay_outputs_size()).slice(),
    step: (batch, step, index = 0) => {
      const at = model.replay_alloc(batch.length);
      new Uint8Array(model.memory.buffer, at, batch.length).set(batch);
      return model.replay_step(at, batch.length, STEPS[step], index);
    },
    digest: () => model.replay_dump_digest(),
  };
}

function run(model: ModelExports, batch: Uint8Array): Uint8Array {
  const operations = operationsOf(batch);
  const resultsOffset = Math.ceil(batch.length / 8) * 8;
  const resultsSize = operations * sizeOf("op_result");
  const at = model.replay_alloc(resultsOffset + resultsSize);
  new Uint8Array(model.memory.buffer, at, batch.length).set(batch);
  const made = model.replay_run(at, batch.length, at + resultsOffset);
  if (made !== operations) throw new Error(`The model refuses the batch (result ${made}): it is malformed or for another session`);
  return new Uint8Array(model.memory.buffer, at + resultsOffset, resultsSize).slice();
}

/** A failed assertion of the model; `line` and `column` are in its source, whose name is a pointer and not read. */
function abort(_message: number, _file: number, line: number, column: number): never {
  throw new Error(`The model aborts at line ${line}, column ${column}: an assertion or a bound of runtime-as/assembly does not hold`);
}
