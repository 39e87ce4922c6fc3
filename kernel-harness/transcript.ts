/** What a guest has reported so far: frames in, facts out. Pure. */
import type { Frame } from "./frames.ts";

/** Most bytes kept of one stream of one program, and of all files together. */
const STREAM_SIZE_MAX = 16 * 1024 * 1024;
const FILES_SIZE_MAX = 512 * 1024 * 1024;

export interface ProgramOutput {
  readonly stdout: string;
  readonly stderr: string;
  /** 128 + n for signal n; undefined if its end was not reported. */
  readonly status: number | undefined;
  /** Bytes beyond what is kept. */
  readonly dropped_bytes: number;
}

/** Stream of a program, as its file descriptor. */
export type Stream = 1 | 2;

interface Program {
  readonly streams: Record<Stream, Buffer[]>;
  readonly sizes: Record<Stream, number>;
  status: number | undefined;
  dropped_bytes: number;
}

/** Takes files as they come: `fresh` when one begins. No bytes: it begins, or goes on after all that came was there. */
export type OnFile = (path: string, bytes: Uint8Array, fresh: boolean) => void;

export class Transcript {
  /** Kernel release; set when the guest is up. */
  release: string | undefined;
  /** The step that the guest is in, or was in last. */
  step: string | undefined;
  /** The job's verdict: 0 for success. */
  done: number | undefined;
  /** Why steps failed, in the guest's words. */
  readonly failures: string[] = [];
  private readonly programs = new Map<string, Program>();
  private readonly chunks = new Map<string, Buffer[]>();
  private last: { readonly path: string; fresh: boolean } | undefined;
  private filesSize = 0;

  /** With `onFile`, files are given to it and not kept. */
  constructor(private readonly onFile?: OnFile) {}

  /** Takes a frame in; gives back the output in it, if that is what it is. */
  accept(frame: Frame): { name: string; stream: Stream; bytes: Buffer } | undefined {
    switch (frame.type) {
      case "hello":
        this.release = frame.payload.toString();
        return undefined;
      case "step":
        this.step = frame.payload.toString();
        return undefined;
      case "output":
        return this.acceptOutput(frame.payload);
      case "exit":
        this.acceptExit(frame.payload);
        return undefined;
      case "file":
        this.beginFile(frame.payload.toString());
        return undefined;
      case "more":
        this.last = { path: frame.payload.toString(), fresh: false };
        this.onFile?.(this.last.path, new Uint8Array(), false);
        return undefined;
      case "data":
        this.acceptData(frame.payload);
        return undefined;
      case "beat":
        return undefined;
      case "done":
        this.done = Number(frame.payload.toString());
        return undefined;
    }
  }

  /** Output and exit status of each program, by name. */
  outputs(): Record<string, ProgramOutput> {
    return Object.fromEntries([...this.programs].map(([name, program]) => [name, {
      stdout: Buffer.concat(program.streams[1]).toString(),
      stderr: Buffer.concat(program.streams[2]).toString(),
      status: program.status,
      dropped_bytes: program.dropped_bytes,
    }]));
  }

  /** Files that the guest sent, by their path there. */
  files(): Map<string, Uint8Array> {
    return new Map([...this.chunks].map(([path, chunks]) => [path, Buffer.concat(chunks)]));
  }

  private acceptOutput(payload: Buffer): { name: string; stream: Stream; bytes: Buffer } {
    const head = payload.indexOf(0);
    const name = payload.toString("utf8", 0, head);
    const stream: Stream = payload[head + 1] === 1 ? 1 : 2;
    const bytes = payload.subarray(head + 2);
    if (name === "init") this.failures.push(`step \`${this.step ?? ""}\` failed: ${bytes.toString().trim()}`);
    else this.keep(this.program(name), stream, bytes);
    return { name, stream, bytes };
  }

  private keep(program: Program, stream: Stream, bytes: Buffer): void {
    const kept = bytes.subarray(0, STREAM_SIZE_MAX - program.sizes[stream]);
    program.streams[stream].push(kept);
    program.sizes[stream] += kept.length;
    program.dropped_bytes += bytes.length - kept.length;
  }

  private acceptExit(payload: Buffer): void {
    const head = payload.indexOf(0);
    this.program(payload.toString("utf8", 0, head)).status = Number(payload.toString("utf8", head + 1));
  }

  private beginFile(path: string): void {
    this.last = { path, fresh: true };
    if (this.onFile) this.acceptData(Buffer.alloc(0));
    else this.chunks.set(path, []);
  }

  private acceptData(payload: Buffer): void {
    if (this.onFile) {
      if (this.last) this.onFile(this.last.path, payload, this.last.fresh);
      if (this.last) this.last.fresh = false;
      return;
    }
    this.filesSize += payload.length;
    if (this.filesSize <= FILES_SIZE_MAX) this.chunks.get(this.last?.path ?? "")?.push(payload);
    else if (this.filesSize - payload.length <= FILES_SIZE_MAX) this.failures.push(`the guest sent more than ${FILES_SIZE_MAX} bytes of files; the rest is missing`);
  }

  private program(name: string): Program {
    let program = this.programs.get(name);
    if (!program) this.programs.set(name, (program = { streams: { 1: [], 2: [] }, sizes: { 1: 0, 2: 0 }, status: undefined, dropped_bytes: 0 }));
    return program;
  }
}
