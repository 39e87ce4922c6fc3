/** Temporary directories that do not outlive their use. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeAtEnd } from "../spec/at-end.ts";

/** Makes a directory, uses it, removes it: also if `use` throws or a signal ends the process. */
export async function inTemporaryDirectory<Result>(prefix: string, use: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), prefix));
  const undo = removeAtEnd(directory);
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
    undo();
  }
}
