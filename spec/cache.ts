/**
 * The cache on disk: results that can always be made again, found by a key.
 *
 * An entry is built beside its place and renamed into it, so that it is there entirely or not at all, whoever is
 * interrupted and however many build it at once. It is never changed afterwards.
 */
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { removeAtEnd } from "./at-end.ts";

/** Temporaries that an interrupted builder left are removed once they are this old; no build may take as long. */
const TEMPORARY_AGE_MS_MAX = 2 * 3600 * 1000;

/** `$STP_CACHE_DIR`, else `$XDG_CACHE_HOME/stp`, else `~/.cache/stp`. It need not exist yet. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  return env["STP_CACHE_DIR"] || join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "stp");
}

/** SHA-256 over the parts, each preceded by its length: ["ab", "c"] and ["a", "bc"] differ. In hexadecimal. */
export function contentHash(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    hash.update(`${bytes.byteLength}:`).update(bytes);
  }
  return hash.digest("hex");
}

/**
 * The directory `kind/key` of the cache, built if it is absent.
 *
 * `build` fills the empty directory that it is given, which is not yet the final one. If it throws, nothing stays.
 */
export async function cachedDirectory(kind: string, key: string, build: (directory: string) => Promise<void>, root = cacheRoot()): Promise<string> {
  return cached(join(root, kind, key), async (temporary) => {
    await mkdir(temporary);
    await build(temporary);
  });
}

/** The file `kind/key` of the cache, built if it is absent. `build` writes the path that it is given. */
export async function cachedFile(kind: string, key: string, build: (path: string) => Promise<void>, root = cacheRoot()): Promise<string> {
  return cached(join(root, kind, key), build);
}

async function cached(place: string, build: (temporary: string) => Promise<void>): Promise<string> {
  if (existsSync(place)) return place;
  await mkdir(dirname(place), { recursive: true });
  await removeStale(place);
  const temporary = `${place}.tmp-${randomBytes(6).toString("hex")}`;
  const undo = removeAtEnd(temporary);
  try {
    await build(temporary);
    await rename(temporary, place);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!lostRace(error)) throw error; // else another builder was first, with the same contents
  } finally {
    undo();
  }
  return place;
}

function lostRace(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === "rename" && (code === "ENOTEMPTY" || code === "EEXIST");
}

async function removeStale(place: string): Promise<void> {
  const prefix = `${basename(place)}.tmp-`;
  for (const name of await readdir(dirname(place))) {
    if (!name.startsWith(prefix)) continue;
    const path = join(dirname(place), name);
    const age_ms = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age_ms > TEMPORARY_AGE_MS_MAX) await rm(path, { recursive: true, force: true });
  }
}
