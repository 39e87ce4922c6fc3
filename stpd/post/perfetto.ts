/**
 * A recording as a trace for Perfetto (ui.perfetto.dev): each print an instant on its CPU's track, each hit that was recorded
 * an instant on its thread's, what was lost at the end.
 *
 * Packets go out as they come, a few at a time; only the threads that have a track are remembered, up to a limit.
 * Siblings: output.ts has the other forms. Numbers of fields: Perfetto's protos/perfetto/trace, whose TrackEvent is stable.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { RECORD_TYPES } from "../../spec/protocol.ts";
import { decodeEvent } from "../../spec/recording/event.ts";
import type { Manifest } from "../../spec/recording/manifest.ts";
import type { OutputBuffer } from "./buffer.ts";
import { lossReport, type Loss } from "./ledger.ts";
import type { Printer } from "./output.ts";
import type { RecordReader } from "./reader.ts";
import type { Names } from "./stacks.ts";

/** Characters of an event's name; its text is whole in the annotation. */
export const PERFETTO_NAME_MAX = 120;
/** Threads that have a track; hits of later ones are on their CPU's. */
export const PERFETTO_THREADS_MAX = 1 << 14;

/** Packets that are appended at once. */
const PACKETS_OF_PIECE = 64;

const TRACE = { packet: 1 } as const;
const PACKET = { clock_snapshot: 6, timestamp: 8, sequence_id: 10, track_event: 11, interned_data: 12, sequence_flags: 13, timestamp_clock_id: 58, track_descriptor: 60 } as const;
const CLOCK_SNAPSHOT = { clocks: 1, primary_trace_clock: 2 } as const;
const CLOCK = { id: 1, timestamp: 2 } as const;
const TRACK = { uuid: 1, name: 2, thread: 4 } as const;
const THREAD = { pid: 1, tid: 2, name: 5 } as const;
const EVENT = { category_iids: 3, annotations: 4, type: 9, name_iid: 10, track_uuid: 11, name: 23 } as const;
const ANNOTATION = { name_iid: 1, uint: 3, string: 6, pointer: 7 } as const;
const INTERNED = { categories: 1, event_names: 2, annotation_names: 3 } as const;
const ENTRY = { iid: 1, name: 2 } as const;

/** All in one sequence, so that names are said once. */
const SEQUENCE_ID = 1;
const STATE_CLEARED = 1;
const NEEDS_STATE = 2;
const MONOTONIC = 3;
const INSTANT = 3;

/** Interned: an index + 1 is an iid. */
const CATEGORIES = ["print", "error", "event", "loss"] as const;
const ANNOTATIONS = ["text", "probe", "context", "cpu", "uid", "order", "arg1", "arg2", "arg3", "arg4", "arg5", "arg6", "kind", "cause", "lost", "of"] as const;
type AnnotationName = (typeof ANNOTATIONS)[number];

/** Track uuids: CPUs from 1, what was lost, then threads by pid and tid. */
const LOSS_TRACK = 1n << 60n;
const THREAD_TRACKS = 1n << 61n;
const cpuTrack = (cpu: number): bigint => BigInt(cpu) + 1n;

/** Writes packets, one after the other. */
class Packets {
  readonly #writer = new BinaryWriter();
  #packets = 0;

  number(field: number, value: number | bigint): this {
    this.#writer.tag(field, WireType.Varint);
    if (typeof value === "number" && value <= 0xffff_ffff) this.#writer.uint32(value); // the same bytes, and faster
    else this.#writer.uint64(value);
    return this;
  }

  text(field: number, value: string): this {
    this.#writer.tag(field, WireType.LengthDelimited).string(value);
    return this;
  }

  message(field: number, fill: () => void): this {
    this.#writer.tag(field, WireType.LengthDelimited).fork();
    fill();
    this.#writer.join();
    return this;
  }

  annotate(name: AnnotationName, field: number, value: number | bigint | string): this {
    return this.message(EVENT.annotations, () => {
      this.number(ANNOTATION.name_iid, ANNOTATIONS.indexOf(name) + 1);
      if (typeof value === "string") this.text(field, value);
      else this.number(field, value);
    });
  }

  /** Makes a packet of what `fill` adds. It goes out with others, for each piece costs the writer a buffer. */
  append(output: OutputBuffer, fill: () => void): void {
    this.message(TRACE.packet, fill);
    if (++this.#packets === PACKETS_OF_PIECE) this.flush(output);
  }

  flush(output: OutputBuffer): void {
    const bytes = this.#writer.finish();
    output.append(bytes, 0, bytes.length);
    this.#packets = 0;
  }
}

/** The trace of a recording. `names`: for the backtraces in its texts. */
export function perfettoPrinter(manifest: Manifest, names?: Names): Printer {
  const packets = new Packets();
  const probes = [...manifest.probes.map(({ provider, target, line }) => `${provider}${target && ` ${target}`}, line ${line}`), "outside any probe"];
  const nameOfProbe = (probe: number): string => probes[Math.min(probe, probes.length - 1)]!;
  const threads = new Set<bigint>();
  let last_ns = 0n;

  /** An instant with its annotations, which `fill` adds. */
  const instant = (output: OutputBuffer, time_ns: bigint, track: bigint, category: (typeof CATEGORIES)[number], name: string | number, fill: () => void): void =>
    packets.append(output, () => {
      packets.number(PACKET.timestamp, time_ns).number(PACKET.timestamp_clock_id, MONOTONIC).number(PACKET.sequence_id, SEQUENCE_ID).number(PACKET.sequence_flags, NEEDS_STATE);
      packets.message(PACKET.track_event, () => {
        packets.number(EVENT.type, INSTANT).number(EVENT.track_uuid, track).number(EVENT.category_iids, CATEGORIES.indexOf(category) + 1);
        if (typeof name === "string") packets.text(EVENT.name, name);
        else packets.number(EVENT.name_iid, name);
        fill();
      });
    });

  const track = (output: OutputBuffer, uuid: bigint, fill: () => void): void =>
    packets.append(output, () => {
      packets.number(PACKET.sequence_id, SEQUENCE_ID).message(PACKET.track_descriptor, () => {
        packets.number(TRACK.uuid, uuid);
        fill();
      });
    });

  /** Text of a print or an error: what it says, and where it comes from. */
  const printLine = (output: OutputBuffer, record: RecordReader, category: "print" | "error"): void => {
    const text = textOf(record, names);
    instant(output, record.time_ns, cpuTrack(record.cpu), category, nameOf(text) || nameOfProbe(record.probe), () => {
      packets.annotate("text", ANNOTATION.string, text).annotate("probe", ANNOTATION.string, nameOfProbe(record.probe)).annotate("context", ANNOTATION.string, record.context);
    });
  };

  const printHit = (output: OutputBuffer, record: RecordReader): void => {
    const event = decodeEvent(record.payload);
    const name = Math.min(record.probe, probes.length - 1) + 1;
    if (event === undefined) return instant(output, record.time_ns, cpuTrack(record.cpu), "event", name, () => packets.annotate("text", ANNOTATION.string, "the event is damaged"));
    const { pid, tid, comm, uid, order, args } = event;
    const thread = THREAD_TRACKS | (BigInt(pid) << 32n) | BigInt(tid);
    // pid 0 is each CPU's idle task.
    if (pid !== 0 && !threads.has(thread) && threads.size < PERFETTO_THREADS_MAX) {
      threads.add(thread);
      track(output, thread, () => packets.message(TRACK.thread, () => packets.number(THREAD.pid, pid).number(THREAD.tid, tid).text(THREAD.name, comm)));
    }
    instant(output, record.time_ns, threads.has(thread) ? thread : cpuTrack(record.cpu), "event", name, () => {
      packets.annotate("cpu", ANNOTATION.uint, record.cpu).annotate("context", ANNOTATION.string, record.context).annotate("uid", ANNOTATION.uint, uid).annotate("order", ANNOTATION.uint, order);
      args.forEach((arg, i) => packets.annotate(`arg${i + 1}` as AnnotationName, ANNOTATION.pointer, arg));
    });
  };

  const printLoss = (output: OutputBuffer, { probe, kind, cause, lost, attempted }: Loss, time_ns: bigint): void =>
    instant(output, time_ns, LOSS_TRACK, "loss", `${lost} ${kind} lost: ${cause}`, () => {
      packets.annotate("probe", ANNOTATION.string, nameOfProbe(probe)).annotate("kind", ANNOTATION.string, kind).annotate("cause", ANNOTATION.string, cause);
      packets.annotate("lost", ANNOTATION.uint, lost).annotate("of", ANNOTATION.uint, attempted);
    });

  return {
    begin(output) {
      packets.append(output, () => {
        packets.number(PACKET.sequence_id, SEQUENCE_ID).number(PACKET.sequence_flags, STATE_CLEARED).message(PACKET.interned_data, () => {
          for (const [field, words] of [[INTERNED.categories, CATEGORIES], [INTERNED.event_names, probes], [INTERNED.annotation_names, ANNOTATIONS]] as const)
            words.forEach((word, i) => packets.message(field, () => packets.number(ENTRY.iid, i + 1).text(ENTRY.name, word)));
        });
      });
      // Without it a reader takes BOOTTIME for the trace's clock, and cannot place what is on another.
      packets.append(output, () => {
        packets.number(PACKET.sequence_id, SEQUENCE_ID).message(PACKET.clock_snapshot, () => {
          packets.message(CLOCK_SNAPSHOT.clocks, () => packets.number(CLOCK.id, MONOTONIC).number(CLOCK.timestamp, manifest.time_ns));
          packets.number(CLOCK_SNAPSHOT.primary_trace_clock, MONOTONIC);
        });
      });
      for (let cpu = 0; cpu < manifest.cpus; cpu++) track(output, cpuTrack(cpu), () => packets.text(TRACK.name, `CPU ${cpu}`));
    },
    print(record, output) {
      if (record.time_ns > last_ns) last_ns = record.time_ns;
      if (record.type_code === RECORD_TYPES.event) printHit(output, record);
      else printLine(output, record, record.type_code === RECORD_TYPES.error ? "error" : "print");
    },
    end(output, last) {
      const { losses } = lossReport(last);
      if (losses.length > 0) track(output, LOSS_TRACK, () => packets.text(TRACK.name, "lost"));
      for (const loss of losses) printLoss(output, loss, last_ns > last.time_ns ? last_ns : last.time_ns);
      packets.flush(output);
    },
  };
}

function textOf(record: RecordReader, names: Names | undefined): string {
  const { bytes, payload_begin, payload_size } = record;
  const end = payload_begin + payload_size;
  if (!names?.known) return bytes.toString("utf8", payload_begin, end);
  return Buffer.from(names.nameStacks(bytes.toString("latin1", payload_begin, end), record), "latin1").toString("utf8");
}

/** The first line that is not empty, cut at a whole character. */
function nameOf(text: string): string {
  const line = /\S.*/.exec(text)?.[0].trimEnd() ?? "";
  return line.length <= PERFETTO_NAME_MAX ? line : `${[...line.slice(0, 2 * PERFETTO_NAME_MAX)].slice(0, PERFETTO_NAME_MAX - 1).join("")}…`;
}
