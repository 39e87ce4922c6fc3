/** stp post: a recording as the script's output, afterwards or while it is made. */
import { accessSync, closeSync, openSync, writeSync } from "node:fs";
import { once } from "node:events";
import { dirname } from "node:path";
import { Command } from "commander";
import { messageOf, StpError } from "../spec/errors.ts";
import { postprocess, type PostOptions } from "../stpd/post/post.ts";
import { beginProgress, EXIT_INTERRUPTED, type Progress } from "./terminal.ts";

/** What a user may choose. */
export type PrintOptions = Pick<PostOptions, "json" | "folded" | "follow" | "sysroot">;

interface PostCommandOptions extends PrintOptions {
  readonly output?: string;
  readonly perfetto?: string;
}

export function postCommand(): Command {
  return new Command("post")
    .description("Print a recording: the script's output on stdout, what was lost or damaged on stderr.")
    .argument("<directory>", "the recording")
    .option("-o, --output <file>", "write the output to a file")
    .option("--follow", "print while the session runs, until it ends; waits for one that has not begun")
    .option("--json", "print JSON lines, events included")
    .option("--folded", "print the backtraces that the script counted as folded lines, for flame graphs")
    .option("--perfetto <file>", "also write a trace for ui.perfetto.dev")
    .option("--sysroot <directory>", "where the programs and libraries of the recorded machine are, for names in user stacks")
    .action(post);
}

async function post(directory: string, { output, perfetto, ...options }: PostCommandOptions): Promise<void> {
  const files: OutputFile[] = [];
  const writerTo = (path: string): PostOptions["write"] => {
    const file = new OutputFile(path);
    files.push(file);
    return file.write;
  };
  try {
    await printRecording(directory, options, { ...(output !== undefined && { write: writerTo(output) }), ...(perfetto !== undefined && { writePerfetto: writerTo(perfetto) }) });
    for (const file of files) file.write(Buffer.alloc(0)); // what printed nothing is empty, not missing
  } finally {
    for (const file of files) file.close();
  }
}

/** A file for the output. Made when there is something to write: a recording that cannot be read must not cost an older one. */
class OutputFile {
  #fd: number | undefined;

  /** Throws StpError if there is no such folder. */
  constructor(private readonly path: string) {
    this.#try(() => accessSync(dirname(path)));
  }

  /** Waits for the disk: nothing else is to be done meanwhile, and a thread for it costs more. Throws StpError if it cannot be written. */
  readonly write = (bytes: Uint8Array): void => {
    const fd = (this.#fd ??= this.#try(() => openSync(this.path, "w")));
    for (let at = 0; at < bytes.length; ) at += this.#try(() => writeSync(fd, bytes, at));
  };

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }

  #try<Value>(action: () => Value): Value {
    try {
      return action();
    } catch (cause) {
      throw new StpError(`Cannot write ${this.path}: ${messageOf(cause)}`, { cause });
    }
  }
}

/**
 * Prints, to stdout or where `writers` say. Exit status 1 if the recording is damaged, its ledger does not balance, or a
 * probe ended with an error. A first ^C stops the printing, and then the status is 130; with a `signal` that alone does.
 */
export async function printRecording(directory: string, options: PrintOptions, writers: Partial<Pick<PostOptions, "write" | "writePerfetto" | "signal">> = {}): Promise<void> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  if (!writers.signal) process.once("SIGINT", interrupt); // a second one ends the process
  const speed = writers.write === undefined && process.stdout.isTTY ? undefined : new Speed(directory);
  try {
    const { ok, errors, interrupted } = await postprocess(directory, {
      ...options,
      write: writeToStdout,
      signal: stop.signal,
      ...writers,
      report: (line) => (speed ? speed.progress.note(line) : void process.stderr.write(`stp: ${line}\n`)),
      ...(speed && { progress: speed.show }),
    });
    if (interrupted) process.exitCode = EXIT_INTERRUPTED;
    else if (!ok || errors > 0) process.exitCode = 1;
  } finally {
    process.removeListener("SIGINT", interrupt);
    speed?.progress.end();
  }
}

async function writeToStdout(bytes: Uint8Array): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, "drain");
}

/** How far the printing is and how fast, for a terminal that does not show the output itself. */
class Speed {
  readonly progress: Progress;
  readonly #begin_ms = performance.now();

  constructor(private readonly directory: string) {
    this.progress = beginProgress(`printing ${directory}`);
  }

  readonly show = (bytes: number): void => {
    const megabytes = bytes / 1e6;
    const per_second = megabytes / ((performance.now() - this.#begin_ms) / 1000);
    this.progress.show(`printing ${this.directory}: ${megabytes.toFixed(0)} MB, ${per_second.toFixed(0)} MB/s`);
  };
}
