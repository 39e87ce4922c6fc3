/** Child processes that do one thing and end: each has a time limit and a bounded log. */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { atEnd } from "../spec/at-end.ts";
import { StpError } from "../spec/errors.ts";

/** What is kept of each stream of a child: its last bytes. */
const LOG_SIZE_MAX = 1024 * 1024;

/** Time between SIGTERM and SIGKILL. */
const TERM_GRACE_MS = 2000;

export interface ProcessResult {
  /** Exit status; undefined if a signal ended it. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timed_out: boolean;
}

export interface ProcessOptions {
  readonly timeout_ms: number;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Told what comes, as it comes. */
  readonly onStdout?: (text: string) => void;
  /** Ends it, as the end of its time does. */
  readonly signal?: AbortSignal;
}

/** Runs a program to its end. Throws StpError if it cannot be started. */
export function runProcess(command: string, args: readonly string[], options: ProcessOptions): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: ["ignore", "pipe", "pipe"] });
    const stdout = new Tail();
    const stderr = new Tail();
    let timed_out = false;
    const end = (): void => {
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGKILL"), TERM_GRACE_MS).unref();
    };
    const undoAtEnd = atEnd(() => child.kill("SIGKILL"));
    const limit = setTimeout(() => {
      timed_out = true;
      end();
    }, options.timeout_ms);
    options.signal?.addEventListener("abort", end);
    const undo = (): void => {
      clearTimeout(limit);
      options.signal?.removeEventListener("abort", end);
      undoAtEnd();
    };
    const text = new TextDecoder();
    child.stdout.on("data", (bytes: Buffer) => {
      stdout.push(bytes);
      options.onStdout?.(text.decode(bytes, { stream: true }));
    });
    child.stderr.on("data", (bytes: Buffer) => stderr.push(bytes));
    child.on("error", (cause) => {
      undo();
      reject(new StpError(`Cannot run ${command}: ${cause.message}`, { cause }));
    });
    child.on("close", (status) => {
      undo();
      resolve({ status: status ?? undefined, stdout: stdout.text(), stderr: stderr.text(), timed_out });
    });
  });
}

/** The absolute path of a program on $PATH, or undefined. */
export function findProgram(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "").map((folder) => join(folder, name)).find(isExecutable);
}

/** The absolute path of a program on $PATH. Throws StpError that names the Debian packages which have it. */
export function needProgram(name: string, packages: string, env: NodeJS.ProcessEnv = process.env): string {
  const path = findProgram(name, env);
  if (path === undefined) throw new StpError(`Cannot find ${name}: run "sudo apt-get install ${packages}"`);
  return path;
}

/** The last non-empty line, for a message that has to be short. */
export function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The last LOG_SIZE_MAX bytes of a stream. */
class Tail {
  private chunks: Buffer[] = [];
  private size = 0;

  push(bytes: Buffer): void {
    this.chunks.push(bytes);
    this.size += bytes.length;
    if (this.size > 2 * LOG_SIZE_MAX) this.trim();
  }

  text(): string {
    this.trim();
    return Buffer.concat(this.chunks).toString();
  }

  private trim(): void {
    const last = Buffer.concat(this.chunks).subarray(-LOG_SIZE_MAX);
    this.chunks = [last];
    this.size = last.length;
  }
}
