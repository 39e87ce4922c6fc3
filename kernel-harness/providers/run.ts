/** Programs on the kernel's providers in a guest: the modules, what hits them, and what comes back. */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { StpError } from "../../spec/errors.ts";
import { readManifest, type Manifest } from "../../spec/recording/manifest.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { postprocess } from "../../stpd/post/post.ts";
import type { FetchedKernel } from "../fetch.ts";
import { buildModule } from "../module.ts";
import { needProgram, runProcess } from "../process.ts";
import { moduleName, probeModule } from "../program.ts";
import { readSources } from "../sources.ts";
import { buildProgram } from "../tools.ts";

const HERE = "kernel-harness/providers";
const NM_MS_MAX = 10_000;
/** Where the linker puts the file's first byte in an executable of fixed address. */
const BASE = 0x400000n;

/** The kernel that all of this runs on. */

/** Path of a program of this folder, compiled for the guest. */
export async function buildHelper(name: "hits" | "cycles" | "hostile"): Promise<string> {
  return buildProgram({ name, sources: await readSources(PROJECT_ROOT + HERE, [`${name}.c`]) });
}

/** all.c, with the place of hits_call() in the compiled `hits`. */
export async function allProviders(hits: string): Promise<string> {
  const { stdout } = await runProcess(needProgram("nm", "binutils"), [hits], { timeout_ms: NM_MS_MAX });
  const address = /^([0-9a-f]+) T hits_call$/m.exec(stdout)?.[1];
  if (address === undefined) throw new StpError(`Cannot find hits_call in ${hits}: nm does not list it`);
  return readFileSync(`${PROJECT_ROOT}${HERE}/all.c`, "utf8").replace("OFFSET_OF_HITS_CALL", `0x${(BigInt(`0x${address}`) - BASE).toString(16)}`);
}

export interface BuiltProgram {
  readonly name: string;
  readonly path: string;
}

/** A program of this folder, or the one in `text`, as a module. */
export async function buildProbes(kernel: FetchedKernel, file: string, text?: string): Promise<BuiltProgram> {
  const path = `${PROJECT_ROOT}${HERE}/${file}`;
  return { name: moduleName(path), path: await buildModule(kernel, { ...probeModule(path, text ?? readFileSync(path, "utf8")), report: console.warn }) };
}

export interface Recorded {
  readonly manifest: Manifest;
  readonly ok: boolean;
  /** What the program printed, and what postprocessing said. */
  readonly output: string;
  readonly said: readonly string[];
}

/** Reads a recording that a guest sent. */
export async function readRecording(files: ReadonlyMap<string, Uint8Array>, folder: string): Promise<Recorded> {
  const directory = await mkdtemp(join(tmpdir(), "test-of-providers-"));
  try {
    for (const [path, bytes] of files) {
      if (!path.startsWith(`${folder}/`)) continue;
      const to = join(directory, path.slice(folder.length + 1));
      await mkdir(dirname(to), { recursive: true });
      await writeFile(to, bytes);
    }
    const parts: Uint8Array[] = [];
    const said: string[] = [];
    const { ok } = await postprocess(directory, { write: (bytes) => void parts.push(Uint8Array.from(bytes)), report: (line) => void said.push(line) });
    return { manifest: await readManifest(directory), ok, output: Buffer.concat(parts).toString(), said };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
