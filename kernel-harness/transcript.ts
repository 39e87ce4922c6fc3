/** What a guest has reported so far: frames in, facts out. Pure. */
import type { Frame } from "./frames.ts";

/** Most bytes kept of one stream of one program, and of all files together. */
const STREAM_SIZE_MAX = 16 * 1024 * 1024;
const FILES_SIZE_MAX = 512 * 1024 * 1024;

/** The step that begins a test: guest/job.h. */
const TEST_STEP = /^test (\S+)$/;

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

/** Takes files as they come: `fresh` when one begins. No bytes: it begins, or goes on after all that came was there. */
export type OnFile = (path: string, bytes: Uint8Array, fresh: boolean) => void;

/** What came from one test of a job; or, without a name, from a job that has none, or before the first. */
export interface Part {
  readonly test: string | undefined;
  /** Why steps failed, in the guest's words. */
  readonly failures: readonly string[];
  /** From its first frame to the next test's, or to the last there was. */
  readonly ms: number;
  /** Output and exit status of each program, by name. */
  readonly outputs: Readonly<Record<string, ProgramOutput>>;
  /** Files that the guest sent, by their path there. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export class Transcript {
  /** Kernel release; set when the guest is up. */
  release: string | undefined;
  /** The step that the guest is in, or was in last. */
  step: string | undefined;
  /** The job's verdict: 0 for success. */
  done: number | undefined;
  private readonly gathered: [GatheredPart, ...GatheredPart[]] = [new GatheredPart(undefined, 0)];
  private last: { readonly path: string; fresh: boolean } | undefined;
  private filesSize = 0;

  /** With `onFile`, files are given to it and not kept. */
  constructor(private readonly onFile?: OnFile) {}

  /** Tests in their order; before them what belongs to none. */
  parts(): [Part, ...Part[]] {
    return this.gathered.map((part) => part.part()) as [Part, ...Part[]];
  }

  /** The test that runs, or ran last. */
  get test(): string | undefined {
    return this.current.test;
  }

  /** Takes a frame in, which came at `at_ms`; gives back the output in it, if that is what it is. */
  accept(frame: Frame, at_ms = 0): { name: string; stream: Stream; bytes: Buffer } | undefined {
    this.current.ended_ms = at_ms;
    switch (frame.type) {
      case "hello":
        this.release = frame.payload.toString();
        return undefined;
      case "step":
        this.beginStep(frame.payload.toString(), at_ms);
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

  private get current(): GatheredPart {
    return this.gathered.at(-1)!;
  }

  private beginStep(step: string, at_ms: number): void {
    this.step = step;
    const test = TEST_STEP.exec(step)?.[1];
    if (test !== undefined) this.gathered.push(new GatheredPart(test, at_ms));
  }

  private acceptOutput(payload: Buffer): { name: string; stream: Stream; bytes: Buffer } {
    const head = payload.indexOf(0);
    const name = payload.toString("utf8", 0, head);
    const stream: Stream = payload[head + 1] === 1 ? 1 : 2;
    const bytes = payload.subarray(head + 2);
    if (name === "init") this.current.failures.push(`step \`${this.step ?? ""}\` failed: ${bytes.toString().trim()}`);
    else this.current.program(name).keep(stream, bytes);
    return { name, stream, bytes };
  }

  private acceptExit(payload: Buffer): void {
    const head = payload.indexOf(0);
    this.current.program(payload.toString("utf8", 0, head)).status = Number(payload.toString("utf8", head + 1));
  }

  private beginFile(path: string): void {
    this.last = { path, fresh: true };
    if (this.onFile) this.acceptData(Buffer.alloc(0));
    else this.current.chunks.set(path, []);
  }

  private acceptData(payload: Buffer): void {
    if (this.onFile) {
      if (this.last) this.onFile(this.last.path, payload, this.last.fresh);
      if (this.last) this.last.fresh = false;
      return;
    }
    this.filesSize += payload.length;
    if (this.filesSize <= FILES_SIZE_MAX) this.current.chunks.get(this.last?.path ?? "")?.push(payload);
    else if (this.filesSize - payload.length <= FILES_SIZE_MAX) this.current.failures.push(`the guest sent more than ${FILES_SIZE_MAX} bytes of files; the rest is missing`);
  }
}

class GatheredPart {
  readonly failures: string[] = [];
  readonly chunks = new Map<string, Buffer[]>();
  private readonly programs = new Map<string, Program>();

  constructor(
    readonly test: string | undefined,
    private readonly began_ms: number,
    public ended_ms = began_ms,
  ) {}

  program(name: string): Program {
    let program = this.programs.get(name);
    if (!program) this.programs.set(name, (program = new Program()));
    return program;
  }

  part(): Part {
    return {
      test: this.test,
      failures: this.failures,
      ms: this.ended_ms - this.began_ms,
      outputs: Object.fromEntries([...this.programs].map(([name, program]) => [name, program.output()])),
      files: new Map([...this.chunks].map(([path, chunks]) => [path, Buffer.concat(chunks)])),
    };
  }
}

class Program {
  status: number | undefined;
  private readonly streams: Record<Stream, Buffer[]> = { 1: [], 2: [] };
  private readonly sizes: Record<Stream, number> = { 1: 0, 2: 0 };
  private dropped_bytes = 0;

  keep(stream: Stream, bytes: Buffer): void {
    const kept = bytes.subarray(0, STREAM_SIZE_MAX - this.sizes[stream]);
    this.streams[stream].push(kept);
    this.sizes[stream] += kept.length;
    this.dropped_bytes += bytes.length - kept.length;
  }

  output(): ProgramOutput {
    return { stdout: Buffer.concat(this.streams[1]).toString(), stderr: Buffer.concat(this.streams[2]).toString(), status: this.status, dropped_bytes: this.dropped_bytes };
  }
}
