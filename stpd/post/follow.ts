/**
 * A recording that is still being written: printed as it grows, in the same order as afterwards.
 *
 * CPUs' files grow independently, so a record may become visible after a younger one of another CPU; no later than
 * VISIBLE_MS, because within that time stpd has written all that was in the rings. A record is due when it has been
 * visible for so long: then all older ones are visible, too, and the merge puts them first.
 * Siblings: post.ts prints what is due; reader.ts waits for the rest of a record that is cut by the present end.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { StpError } from "../../spec/errors.ts";
import { readManifest, type Manifest } from "../../spec/recording/manifest.ts";
import type { DataFiles } from "./files.ts";
import type { Merge } from "./merge.ts";
import type { RecordReader } from "./reader.ts";
import type { Names, StackRecord } from "./stacks.ts";

/** Milliseconds between two looks at the files. */
const POLL_MS = 50;
/** How long a record is held back, in milliseconds: stpd sees a line 100 ms after it was printed, and needs time to write it. */
const VISIBLE_MS = 150;
/** How long a manifest may be damaged, in milliseconds: it is being written. */
const MANIFEST_MS_MAX = 1000;

/** Prints the records that begin before an offset in their CPU's stream. */
export interface Due {
  printTo(ends: readonly number[]): Promise<void>;
}

/** How far each CPU's stream was written at a time. */
interface Look {
  readonly at_ms: number;
  readonly ends: readonly number[];
}

/** Waits until there is a recording. Undefined if `signal` stops it; throws StpError if it is none. */
export async function awaitManifest(directory: string, signal: AbortSignal | undefined): Promise<Manifest | undefined> {
  for (let seen_ms = Infinity; !signal?.aborted; await pause(signal)) {
    if ((await identityOf(directory)) === undefined && (await isMissing(directory))) continue;
    seen_ms = Math.min(seen_ms, performance.now());
    try {
      return await readManifest(directory);
    } catch (error) {
      if (!(error instanceof StpError) || performance.now() - seen_ms > MANIFEST_MS_MAX) throw error;
    }
  }
  return undefined;
}

/** Prints what becomes due until the session has ended or `signal` stops it; all is visible then, and the rest is the caller's. Returns the last manifest. */
export async function followToEnd(directory: string, begun: Manifest, files: DataFiles, merge: Merge<RecordReader>, due: Due, signal: AbortSignal | undefined): Promise<Manifest> {
  const looks: Look[] = [];
  let manifest = begun;
  let identity: string | undefined; // that of `begun` is not known: it may have been replaced since it was read
  while (!signal?.aborted) {
    // The state first: what "ended" was written after is visible now.
    const now = await identityOf(directory);
    if (now !== identity && now !== undefined) manifest = await readManifest(directory);
    identity = now ?? identity;
    const hasEnded = manifest.state === "ended";
    files.refresh();
    for (const reader of files.readers) reader.resume(!hasEnded);
    looks.push({ at_ms: performance.now(), ends: files.sizes() });
    merge.refill();
    if (hasEnded) break;
    const old = looks.findLastIndex(({ at_ms }) => performance.now() - at_ms >= VISIBLE_MS);
    const look = looks[old];
    if (look !== undefined) await due.printTo(look.ends);
    looks.splice(0, old);
    await pause(signal);
  }
  return manifest;
}

/** Names of a recording whose symbols may come later than its first records. */
export class LateNames {
  #looked_ms = performance.now();

  constructor(
    private names: Names,
    private readonly read: () => Names,
  ) {}

  get known(): boolean {
    return this.names.known;
  }

  readonly nameStacks = (text: string, record: StackRecord): string => (this.#look(), this.names.nameStacks(text, record));
  readonly foldLine = (line: string, record: StackRecord): string | undefined => (this.#look(), this.names.foldLine(line, record));

  #look(): void {
    if (this.names.known || performance.now() - this.#looked_ms < POLL_MS) return;
    this.#looked_ms = performance.now();
    this.names = this.read();
  }
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await setTimeout(POLL_MS, undefined, signal ? { signal } : {}).catch(() => undefined);
}

/** What tells one manifest from that which replaces it; undefined if there is none. */
async function identityOf(directory: string): Promise<string | undefined> {
  const found = await stat(join(directory, "manifest.json"), { bigint: true }).catch(() => undefined);
  return found && `${found.ino} ${found.size} ${found.mtimeNs}`;
}

/** Whether a directory is not there yet, or has nothing that can be judged. */
async function isMissing(directory: string): Promise<boolean> {
  const found = await stat(directory).catch((error: unknown) => error as NodeJS.ErrnoException);
  return found instanceof Error ? found.code === "ENOENT" : found.isDirectory();
}
