/**
 * One boot of one guest: starts QEMU, listens to the report channel, watches the clock, and ends QEMU whatever happens.
 *
 * It tells what happened and judges nothing: that is verdict.ts.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { open, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { atEnd } from "../spec/at-end.ts";
import type { FetchedKernel } from "./fetch.ts";
import { FrameDecoder } from "./frames.ts";
import { endingWithParent, qemuArguments, type Machine } from "./qemu.ts";
import { inTemporaryDirectory } from "./temporary.ts";
import { findQemu } from "./toolchain.ts";
import { Transcript, type OnFile, type Stream } from "./transcript.ts";

/** Console bytes after which the guest is ended: something prints without end. */
const CONSOLE_FLOOD_SIZE = 4 * 1024 * 1024;
/** Console bytes kept, of a flood alone not all: the first half and the last half. A report in what is left out would be lost. */
const CONSOLE_SIZE_MAX = 2 * CONSOLE_FLOOD_SIZE;
const WATCH_MS = 250;
/** From `done` to the end of QEMU. */
const POWER_OFF_MS_MAX = 15_000;
const STDERR_SIZE_MAX = 64 * 1024;

export interface SessionLimits {
  /** From start to the guest's first frame. */
  readonly boot_ms: number;
  /** Longest time without a frame after that; a guest beats every second. */
  readonly silence_ms: number;
  /** From start to the end of the job. */
  readonly timeout_ms: number;
  /** Longest time of one test of the job, by its name. */
  readonly tests_ms?: Readonly<Record<string, number>>;
}

/** Why the session ended: `exit` is QEMU's own end, the others are ours. */
export type Ending = "exit" | "boot" | "silence" | "timeout" | "test timeout" | "flood" | "damage" | "power" | "interrupt";

export interface Session {
  readonly transcript: Transcript;
  readonly ending: Ending;
  readonly qemu: { readonly status: number | null; readonly signal: NodeJS.Signals | null; readonly stderr: string };
  /** What the kernel printed, bounded. */
  readonly console: string;
  readonly damage: string | undefined;
  readonly boot_ms: number | undefined;
  readonly total_ms: number;
}

/** Whom a session tells what comes, and who may interrupt it. */
export interface SessionListeners {
  readonly onOutput?: OnOutput;
  /** Takes the files that the guest sends; they are not kept then. */
  readonly onFile?: OnFile;
  /** Told when a test begins. */
  readonly onTest?: (test: string) => void;
  /** Asks the job to come to its end. */
  readonly signal?: AbortSignal;
  /** Ends the guest at once. */
  readonly stop?: AbortSignal;
}

export type OnOutput = (name: string, stream: Stream, bytes: Uint8Array) => void;

/** Boots and waits for the end. Throws StpError if there is no QEMU. */
export async function runSession(kernel: FetchedKernel, machine: Machine, initramfs: Uint8Array, limits: SessionLimits, listeners: SessionListeners = {}): Promise<Session> {
  const qemu = await findQemu(kernel.architecture);
  return inTemporaryDirectory("stp-guest-", async (directory) => {
    const files = { initramfs: join(directory, "initramfs"), console: join(directory, "console") };
    await Promise.all([writeFile(files.initramfs, initramfs), writeFile(files.console, "")]);
    const [command, ...args] = endingWithParent([qemu, ...qemuArguments(kernel, machine, files)]);
    const child = spawn(command, args, { stdio: "pipe" });
    const session = await new Listener(child, files.console, limits, listeners).ended;
    return { ...session, console: await readBounded(files.console) };
  });
}

/** Everything between the start of QEMU and its end. */
class Listener {
  readonly ended: Promise<Omit<Session, "console">>;
  private readonly transcript: Transcript;
  private readonly decoder = new FrameDecoder();
  private readonly started_ms = performance.now();
  private heard_ms = this.started_ms;
  private boot_ms: number | undefined;
  private done_ms: number | undefined;
  private test_ms = this.started_ms;
  private ending: Ending = "exit";
  private stderr = "";

  constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly consolePath: string,
    private readonly limits: SessionLimits,
    private readonly listeners: SessionListeners,
  ) {
    this.transcript = new Transcript(listeners.onFile);
    const release = atEnd(() => this.end("interrupt"));
    const watch = setInterval(() => void this.watch(), WATCH_MS);
    child.stdin.on("error", () => {}); // it may be gone by then
    child.stdout.on("data", (bytes: Buffer) => this.hear(bytes));
    child.stderr.on("data", (bytes: Buffer) => (this.stderr = (this.stderr + bytes.toString()).slice(-STDERR_SIZE_MAX)));
    this.ended = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status, signal) => resolve(this.result(status, signal)));
    });
    const interrupt = (): void => void (this.boot_ms !== undefined && child.stdin.write("i"));
    listeners.signal?.addEventListener("abort", interrupt);
    const stop = (): void => this.end("interrupt");
    listeners.stop?.addEventListener("abort", stop);
    void this.ended.catch(() => {}).finally(() => {
      listeners.signal?.removeEventListener("abort", interrupt);
      listeners.stop?.removeEventListener("abort", stop);
      clearInterval(watch);
      release();
    });
  }

  private hear(bytes: Buffer): void {
    this.heard_ms = performance.now();
    for (const frame of this.decoder.push(bytes)) {
      if (frame.type === "hello") {
        this.boot_ms = this.heard_ms - this.started_ms;
        if (this.listeners.signal?.aborted) this.child.stdin.write("i");
      }
      if (frame.type === "done") {
        this.done_ms = this.heard_ms;
        this.child.stdin.write("\n"); // the guest waits for it with its power-off
      }
      const { test } = this.transcript;
      const output = this.transcript.accept(frame, this.heard_ms);
      if (this.transcript.test !== test) this.beginTest(this.transcript.test!);
      if (output) this.listeners.onOutput?.(output.name, output.stream, output.bytes);
    }
    if (this.decoder.damage !== undefined) this.end("damage");
  }

  private beginTest(test: string): void {
    this.test_ms = this.heard_ms;
    this.listeners.onTest?.(test);
  }

  private async watch(): Promise<void> {
    const overdue = this.overdue(performance.now());
    if (overdue) this.end(overdue);
    const size = (await stat(this.consolePath).catch(() => undefined))?.size ?? 0;
    if (size > CONSOLE_FLOOD_SIZE) this.end("flood");
  }

  private overdue(now_ms: number): Ending | undefined {
    if (this.done_ms !== undefined) return now_ms - this.done_ms > POWER_OFF_MS_MAX ? "power" : undefined;
    if (now_ms - this.started_ms > this.limits.timeout_ms) return "timeout";
    if (now_ms - this.test_ms > (this.limits.tests_ms?.[this.transcript.test ?? ""] ?? Infinity)) return "test timeout";
    if (this.boot_ms === undefined) return now_ms - this.started_ms > this.limits.boot_ms ? "boot" : undefined;
    return now_ms - this.heard_ms > this.limits.silence_ms ? "silence" : undefined;
  }

  private end(why: Ending): void {
    if (this.ending === "exit") this.ending = why;
    this.child.kill("SIGKILL");
  }

  private result(status: number | null, signal: NodeJS.Signals | null): Omit<Session, "console"> {
    return {
      transcript: this.transcript,
      ending: this.ending,
      qemu: { status, signal, stderr: this.stderr },
      damage: this.decoder.damage,
      boot_ms: this.boot_ms,
      total_ms: performance.now() - this.started_ms,
    };
  }
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const half = CONSOLE_SIZE_MAX / 2;
    const read = async (from: number, length: number): Promise<string> =>
      (await file.read({ buffer: Buffer.alloc(length), position: from, length })).buffer.toString();
    if (size <= CONSOLE_SIZE_MAX) return size === 0 ? "" : await read(0, size);
    return `${await read(0, half)}\n[${size - CONSOLE_SIZE_MAX} bytes left out]\n${await read(size - half, half)}`;
  } finally {
    await file.close();
  }
}
