/**
 * The data files of a recording: opened, and what should be there but is not.
 *
 * Siblings: window.ts reads an open file; post.ts closes them.
 */
import { constants } from "node:fs";
import { open, readdir, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, StpError } from "../../spec/errors.ts";
import type { ReportProblem } from "./problem.ts";

export interface DataFile {
  readonly cpu: number;
  readonly handle: FileHandle;
}

/**
 * Opens `cpu0.data … cpuN-1.data`. One that is missing or no regular file is reported; so is one more than the
 * manifest has CPUs. Throws StpError if the directory cannot be listed or a file not opened.
 */
export async function openDataFiles(directory: string, cpus: number, report: ReportProblem): Promise<readonly DataFile[]> {
  const files: DataFile[] = [];
  try {
    await reportExtra(directory, cpus, report);
    for (let cpu = 0; cpu < cpus; cpu++) {
      const handle = await openDataFile(directory, cpu, report);
      if (handle !== undefined) files.push({ cpu, handle });
    }
    return files;
  } catch (cause) {
    await closeDataFiles(files);
    throw new StpError(`Cannot read recording ${directory}: ${messageOf(cause)}; make all its files readable`, { cause });
  }
}

export async function closeDataFiles(files: readonly DataFile[]): Promise<void> {
  await Promise.all(files.map(({ handle }) => handle.close()));
}

async function openDataFile(directory: string, cpu: number, report: ReportProblem): Promise<FileHandle | undefined> {
  const why = (text: string): void => report(fileProblem(cpu, text));
  try {
    // Not blocking: a named pipe without a writer would wait for ever.
    const handle = await open(join(directory, `cpu${cpu}.data`), constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    why("it is not a regular file");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    why("the file is missing");
  }
  return undefined;
}

async function reportExtra(directory: string, cpus: number, report: ReportProblem): Promise<void> {
  for (const name of await readdir(directory)) {
    const cpu = Number(/^cpu(\d+)\.data$/.exec(name)?.[1] ?? -1);
    if (cpu >= cpus) report(fileProblem(cpu, `the manifest has only ${cpus} CPUs; the file is not read`));
  }
}

function fileProblem(cpu: number, why: string): Parameters<ReportProblem>[0] {
  return { kind: "file", file: `cpu${cpu}.data`, cpu, offset: 0, bytes_skipped: 0, bytes_lost: 0, why };
}
