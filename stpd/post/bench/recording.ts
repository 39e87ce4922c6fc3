/**
 * The recording of the benchmark, and the same lines as others read them: a CTF trace and sorted text files.
 *
 * All are written in one pass and block by block, so that the size is bounded by the disk alone.
 * Sibling: throughput.ts reads them.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { HEADER_SIZE, encodeRecord, HEADER_OFFSETS } from "../../../spec/recording/record.ts";
import { jsonManifest } from "../testing.ts";

export const CPUS = 4;
/** Bytes of a usual line: with header and padding a record of 104 bytes. */
const LINE_SIZE = 68;
/** One line in so many has a backtrace. */
const STACK_EVERY = 100;
const FRAMES = 10;
const FUNCTIONS = 150_000;
/** Different backtraces, and different addresses in them. */
const BACKTRACES = 10_000;
const CALLS = 4_000;
const FUNCTION_BEGIN = 0xffffffff81000000n;
const FUNCTION_SIZE = 160;
/** Nanoseconds between two records. */
const STEP_NS = 250;
const BLOCK_SIZE = 1 << 20;
const CTF_PACKET_SIZE = 1 << 18;

/** What was made. */
export interface Made {
  readonly recording: string;
  readonly ctf: string;
  readonly texts: readonly string[];
  /** Bytes of the recording's data files. */
  readonly bytes: number;
  readonly records: number;
}

/** Writes a recording of about `bytes` bytes, its lines as CTF 1.8, and as text sorted by a time in front. */
export function makeRecording(directory: string, bytes: number): Made {
  const recording = join(directory, "recording");
  const ctf = join(directory, "ctf");
  for (const made of [recording, ctf, join(recording, "symbols")]) mkdirSync(made, { recursive: true });
  const cpus = Array.from({ length: CPUS }, (_, cpu) => new CpuFiles(directory, cpu));
  const lines = new Lines();
  let records = 0;
  for (let written = 0, time_ns = 1_000_000_000; written < bytes; records++) {
    const cpu = cpus[lines.random(CPUS)]!;
    time_ns += STEP_NS + lines.random(STEP_NS);
    written += cpu.add(time_ns, lines.next(records));
  }
  for (const cpu of cpus) cpu.close();
  writeFileSync(join(recording, "manifest.json"), JSON.stringify({ ...jsonManifest(cpus.map(({ count }) => count)), addresses: 1 }));
  writeFileSync(join(recording, "symbols/kallsyms"), kallsyms());
  writeFileSync(join(ctf, "metadata"), CTF_METADATA);
  return { recording, ctf, texts: cpus.map(({ cpu }) => join(directory, `cpu${cpu}.txt`)), bytes: cpus.reduce((sum, { bytes: own }) => sum + own, 0), records };
}

/** A kernel's functions, a tenth of them in modules. */
function kallsyms(): string {
  return Array.from({ length: FUNCTIONS }, (_, i) => `${(FUNCTION_BEGIN + BigInt(i * FUNCTION_SIZE)).toString(16)} ${i % 3 ? "t" : "T"} some_function_of_the_kernel_${i}${i % 10 ? "" : "\t[module]"}\n`).join("");
}

/** Lines of text with their line end. */
class Lines {
  readonly #backtraces: string[] = [];
  readonly #generator = xoroshiro128plus(1);
  readonly #line = Buffer.alloc(LINE_SIZE, " 0x7f open /usr/lib/x86_64-linux-gnu/libc.so.6 by cat, flags 0\n");

  random(below: number): number {
    return (this.#generator.next() >>> 0) % below;
  }

  /** Valid until the next call. */
  next(index: number): Buffer {
    if (index % STACK_EVERY === 0) return Buffer.from(`${index} alloc ${this.#backtrace()} 3\n`);
    let at = 9;
    for (let rest = index; at >= 0; at--, rest = Math.floor(rest / 10)) this.#line[at] = 48 + (rest % 10);
    this.#line[LINE_SIZE - 1] = 10;
    return this.#line;
  }

  /** One of so many backtraces, some of which come again and again. */
  #backtrace(): string {
    const index = this.random(1 + this.random(BACKTRACES));
    return (this.#backtraces[index] ??= `<stack${Array.from({ length: FRAMES }, () => ` ${this.#address()}`).join("")}>`);
  }

  /** A place that calls another; they are spread over all functions. */
  #address(): string {
    const call = this.random(CALLS);
    return `0x${(FUNCTION_BEGIN + BigInt(((call * 7919) % FUNCTIONS) * FUNCTION_SIZE + (call % 16) * 8)).toString(16)}`;
  }
}

/** A file that is written block by block. */
class BlockFile {
  readonly #fd: number;
  readonly #block = Buffer.alloc(BLOCK_SIZE);
  #used = 0;
  bytes = 0;

  constructor(path: string) {
    this.#fd = openSync(path, "w");
  }

  /** Memory for `size` bytes more. */
  take(size: number): Buffer {
    if (this.#used + size > BLOCK_SIZE) this.#flush();
    const taken = this.#block.subarray(this.#used, this.#used + size);
    this.#used += size;
    this.bytes += size;
    return taken;
  }

  close(): void {
    this.#flush();
    closeSync(this.#fd);
  }

  #flush(): void {
    writeSync(this.#fd, this.#block, 0, this.#used);
    this.#used = 0;
  }
}

/** One CPU's records in all three forms. */
class CpuFiles {
  count = 0;
  readonly #data: BlockFile;
  readonly #text: BlockFile;
  readonly #ctf: CtfStream;
  readonly #header: Buffer;

  constructor(directory: string, readonly cpu: number) {
    this.#data = new BlockFile(join(directory, "recording", `cpu${cpu}.data`));
    this.#text = new BlockFile(join(directory, `cpu${cpu}.txt`));
    this.#ctf = new CtfStream(join(directory, "ctf", `cpu${cpu}`), cpu);
    this.#header = Buffer.from(encodeRecord({ cpu, context: "task", type: "print", probe: 0, sequence: 0n, time_ns: 0n, payload: new Uint8Array(0) }));
  }

  get bytes(): number {
    return this.#data.bytes;
  }

  /** Returns the bytes of the record. */
  add(time_ns: number, line: Buffer): number {
    const header = this.#header;
    header.writeUInt32LE(line.length, HEADER_OFFSETS.payload_size);
    writeUInt64(header, this.#data.bytes, HEADER_OFFSETS.sequence);
    writeUInt64(header, time_ns, HEADER_OFFSETS.time_ns);
    const size = (HEADER_SIZE + line.length + 7) & -8;
    const record = this.#data.take(size);
    record.set(header);
    record.set(line, HEADER_SIZE);
    record.fill(0, HEADER_SIZE + line.length);
    const time = `${time_ns} `.padStart(21, "0");
    const text = this.#text.take(time.length + line.length);
    text.write(time, "latin1");
    text.set(line, time.length);
    this.#ctf.add(time_ns, line);
    this.count++;
    return size;
  }

  close(): void {
    for (const file of [this.#data, this.#text, this.#ctf]) file.close();
  }
}

function writeUInt64(buffer: Buffer, value: number, at: number): void {
  buffer.writeUInt32LE(value % 0x1_0000_0000, at);
  buffer.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

const CTF_METADATA = `/* CTF 1.8 */
typealias integer { size = 32; align = 8; signed = false; } := uint32_t;
typealias integer { size = 64; align = 8; signed = false; } := uint64_t;
trace { major = 1; minor = 8; byte_order = le; packet.header := struct { uint32_t magic; uint32_t stream_id; }; };
clock { name = monotonic; freq = 1000000000; };
typealias integer { size = 64; align = 8; signed = false; map = clock.monotonic.value; } := time_t;
stream {
  id = 0;
  packet.context := struct { time_t timestamp_begin; time_t timestamp_end; uint64_t content_size; uint64_t packet_size; uint32_t cpu_id; };
  event.header := struct { time_t timestamp; };
};
event { name = "print"; id = 0; stream_id = 0; fields := struct { string text; }; };
`;
const CTF_MAGIC = 0xc1fc1fc1;
/** Offsets in a packet of its header and context. */
const CTF = { magic: 0, stream_id: 4, time_begin: 8, time_end: 16, content_bits: 24, packet_bits: 32, cpu: 40, events: 44 } as const;

/** A stream of CTF packets. */
class CtfStream {
  readonly #fd: number;
  readonly #packet = Buffer.alloc(CTF_PACKET_SIZE);
  #used: number = CTF.events;
  #end_ns = 0;

  constructor(path: string, cpu: number) {
    this.#fd = openSync(path, "w");
    this.#packet.writeUInt32LE(CTF_MAGIC, CTF.magic);
    this.#packet.writeUInt32LE(cpu, CTF.cpu);
  }

  add(time_ns: number, line: Buffer): void {
    if (this.#used + 8 + line.length > CTF_PACKET_SIZE) this.#flush();
    if (this.#used === CTF.events) writeUInt64(this.#packet, time_ns, CTF.time_begin);
    this.#end_ns = time_ns;
    writeUInt64(this.#packet, time_ns, this.#used);
    this.#packet.set(line, this.#used + 8);
    this.#used += 8 + line.length;
    this.#packet[this.#used - 1] = 0; // in the place of the line end
  }

  close(): void {
    this.#flush();
    closeSync(this.#fd);
  }

  #flush(): void {
    writeUInt64(this.#packet, this.#end_ns, CTF.time_end);
    writeUInt64(this.#packet, this.#used * 8, CTF.content_bits);
    writeUInt64(this.#packet, this.#used * 8, CTF.packet_bits);
    writeSync(this.#fd, this.#packet, 0, this.#used);
    this.#used = CTF.events;
  }
}
