/** Traces for Perfetto, read back by the messages of its own protos. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, createFileRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Label as Label, FieldDescriptorProto_Type as Type, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, describe, expect, it } from "vitest";
import { encodeEvent } from "../../spec/recording/event.ts";
import { readManifest } from "../../spec/recording/manifest.ts";
import { OutputBuffer } from "./buffer.ts";
import { DataFiles } from "./files.ts";
import { Merge } from "./merge.ts";
import { PERFETTO_NAME_MAX, PERFETTO_THREADS_MAX, perfettoPrinter } from "./perfetto.ts";
import { Names } from "./stacks.ts";
import { KernelSymbols } from "./symbols.ts";
import { dataOf, jsonCount, jsonManifest, recordsOf, writeRecording, type Draft } from "./testing.ts";

/** The part of Perfetto's protos that we write, as its files have it: message → "number type name". */
const PROTOS: Readonly<Record<string, readonly string[]>> = {
  Trace: ["1 *TracePacket packet"],
  TracePacket: ["8 uint64 timestamp", "58 uint32 timestamp_clock_id", "10 uint32 trusted_packet_sequence_id", "13 uint32 sequence_flags", "11 TrackEvent track_event", "60 TrackDescriptor track_descriptor", "6 ClockSnapshot clock_snapshot", "12 InternedData interned_data"],
  TrackEvent: ["3 *uint64 category_iids", "9 uint32 type", "11 uint64 track_uuid", "10 uint64 name_iid", "23 string name", "4 *DebugAnnotation debug_annotations"],
  DebugAnnotation: ["1 uint64 name_iid", "3 uint64 uint_value", "6 string string_value", "7 uint64 pointer_value"],
  TrackDescriptor: ["1 uint64 uuid", "2 string name", "4 ThreadDescriptor thread"],
  ThreadDescriptor: ["1 int32 pid", "2 int32 tid", "5 string thread_name"],
  ClockSnapshot: ["1 *Clock clocks", "2 uint32 primary_trace_clock"],
  Clock: ["1 uint32 clock_id", "2 uint64 timestamp"],
  InternedData: ["1 *Entry event_categories", "2 *Entry event_names", "3 *Entry debug_annotation_names"],
  Entry: ["1 uint64 iid", "2 string name"],
};

function fieldOf(line: string) {
  const [number, type, name] = line.split(" ") as [string, string, string];
  const plain = type.replace("*", "");
  const scalar = { uint64: Type.UINT64, uint32: Type.UINT32, int32: Type.INT32, string: Type.STRING }[plain];
  const jsonName = name.replace(/_(.)/g, (_all, letter: string) => letter.toUpperCase());
  return { name, jsonName, number: Number(number), label: type === plain ? Label.OPTIONAL : Label.REPEATED, type: scalar ?? Type.MESSAGE, ...(scalar === undefined && { typeName: `.${plain}` }) };
}

const set = create(FileDescriptorSetSchema, { file: [{ name: "t.proto", syntax: "proto2", messageType: Object.entries(PROTOS).map(([name, lines]) => ({ name, field: lines.map(fieldOf) })) }] });
const schema = createFileRegistry(set).getMessage("Trace")!;

interface Annotation {
  readonly nameIid: string;
  readonly uintValue?: string;
  readonly stringValue?: string;
  readonly pointerValue?: string;
}
interface Entry {
  readonly iid: string;
  readonly name: string;
}
interface PacketJson {
  readonly timestamp?: string;
  readonly timestampClockId?: number;
  readonly trustedPacketSequenceId: number;
  readonly sequenceFlags?: number;
  readonly trackEvent?: { readonly type: number; readonly trackUuid: string; readonly categoryIids: readonly string[]; readonly name?: string; readonly nameIid?: string; readonly debugAnnotations?: readonly Annotation[] };
  readonly trackDescriptor?: { readonly uuid: string; readonly name?: string; readonly thread?: { readonly pid: number; readonly tid: number; readonly threadName: string } };
  readonly clockSnapshot?: unknown;
  readonly internedData?: { readonly eventCategories: readonly Entry[]; readonly eventNames: readonly Entry[]; readonly debugAnnotationNames: readonly Entry[] };
}

const directory = await mkdtemp(join(tmpdir(), "test-of-perfetto-"));
afterAll(() => rm(directory, { recursive: true }));

/** The packets that a recording of these records becomes. Unknown fields would be dropped: none may be. */
async function packetsOf(cpus: readonly (readonly Draft[])[], manifest: unknown, names?: Names): Promise<readonly PacketJson[]> {
  await rm(directory, { recursive: true });
  await writeRecording(directory, cpus.map((drafts, cpu) => dataOf(recordsOf(cpu, drafts))), manifest);
  const chunks: Buffer[] = [];
  const output = new OutputBuffer((bytes) => void chunks.push(Buffer.from(bytes)));
  const read = await readManifest(directory);
  const files = new DataFiles(directory, read.cpus, () => {}, { isUnfinished: false });
  const printer = perfettoPrinter(read, names);
  printer.begin?.(output);
  const merge = new Merge(files.readers, () => {});
  for (let record = merge.peek(); record; record = merge.peek()) {
    merge.take();
    printer.print(record, output);
    await output.flush();
  }
  printer.end?.(output, read);
  files.close();
  await output.flush();
  const trace = fromBinary(schema, Buffer.concat(chunks));
  const { packet } = toJson(schema, trace) as unknown as { readonly packet: readonly PacketJson[] };
  expect(JSON.stringify(trace, (key, value: unknown) => (typeof value === "bigint" ? value.toString() : key === "$unknown" ? `unknown ${String(value)}` : value))).not.toContain("unknown");
  return packet;
}

/** Events in words: time, track, category, name, annotations. */
function eventsOf(packets: readonly PacketJson[]) {
  const interned = packets[0]!.internedData!;
  const word = (entries: readonly Entry[], iid: string): string => entries.find((entry) => entry.iid === iid)!.name;
  const tracks = new Map(packets.flatMap(({ trackDescriptor: track }) => (track ? [[track.uuid, track.name ?? `${track.thread!.threadName} ${track.thread!.pid}/${track.thread!.tid}`] as const] : [])));
  return packets.flatMap(({ timestamp, trackEvent: event, ...rest }) => {
    if (event === undefined) return [];
    expect([event.type, rest.timestampClockId, rest.trustedPacketSequenceId, rest.sequenceFlags]).toEqual([3, 3, 1, 2]);
    const notes = Object.fromEntries((event.debugAnnotations ?? []).map((note) => [word(interned.debugAnnotationNames, note.nameIid), note.stringValue ?? note.uintValue ?? `0x${BigInt(note.pointerValue!).toString(16)}`]));
    return [{ time: timestamp, track: tracks.get(event.trackUuid), category: word(interned.eventCategories, event.categoryIids[0]!), name: event.name ?? word(interned.eventNames, event.nameIid!), notes }];
  });
}

const PROBE = "kprobe do_sys_openat2, line 5";
const HIT = { pid: 40, tid: 41, uid: 1000, comm: "cat é", args: [1n, 0xffff888000000000n] };

describe("a trace", () => {
  it("has prints and errors on their CPU's track, in order of time, with the whole text", async () => {
    const packets = await packetsOf([[{ text: "first\nsecond\n", time_ns: 5n }, { text: "out of actions", type: "error", context: "nmi", time_ns: 9n }], [{ text: "\n  \n", time_ns: 7n, probe: 1 }, { text: "é", time_ns: (1n << 53n) + 1n }]], jsonManifest([2, 2]));
    expect(eventsOf(packets)).toEqual([
      { time: "5", track: "CPU 0", category: "print", name: "first", notes: { text: "first\nsecond\n", probe: PROBE, context: "task" } },
      { time: "7", track: "CPU 1", category: "print", name: "outside any probe", notes: { text: "\n  \n", probe: "outside any probe", context: "task" } },
      { time: "9", track: "CPU 0", category: "error", name: "out of actions", notes: { text: "out of actions", probe: PROBE, context: "nmi" } },
      { time: "9007199254740993", track: "CPU 1", category: "print", name: "é", notes: { text: "é", probe: PROBE, context: "task" } },
    ]);
    expect(packets[0]).toMatchObject({ sequenceFlags: 1, trustedPacketSequenceId: 1 });
    expect(packets[1]?.clockSnapshot).toEqual({ clocks: [{ clockId: 3, timestamp: "1000" }], primaryTraceClock: 3 });
  });

  it("has recorded hits on their thread's track, of the idle task on the CPU's", async () => {
    const hit = (event: Partial<typeof HIT>): Draft => ({ type: "event", payload: encodeEvent({ ...HIT, ...event, order: 3 }) });
    const events = eventsOf(await packetsOf([[hit({}), hit({ tid: 40 }), hit({ pid: 0, tid: 0, comm: "swapper" }), hit({})]], jsonManifest([4])));
    expect(events.map(({ track }) => track)).toEqual(["cat é 40/41", "cat é 40/40", "CPU 0", "cat é 40/41"]);
    expect(events[0]).toEqual({ time: "0", track: "cat é 40/41", category: "event", name: PROBE, notes: { cpu: "0", context: "task", uid: "1000", order: "3", arg1: "0x1", arg2: "0xffff888000000000", arg3: "0x0", arg4: "0x0", arg5: "0x0", arg6: "0x0" } });
  });

  it("has a damaged hit, too", async () => {
    const payload = encodeEvent({ ...HIT });
    payload[12] = 8; // says that it has looks
    expect(eventsOf(await packetsOf([[{ type: "event", payload }]], jsonManifest([1])))).toMatchObject([{ track: "CPU 0", name: PROBE, notes: { text: "the event is damaged" } }]);
  });

  it("has what was lost at the end, never before the last record", async () => {
    const manifest = jsonManifest([1]);
    const lossy = (time_ns: number) => ({ ...manifest, time_ns, ledger: manifest.ledger.map((row) => (row.probe === 0 ? { ...row, record: jsonCount(1, { full: 2 }) } : row)) });
    const loss = (time: string) => ({ time, track: "lost", category: "loss", name: "2 record lost: full", notes: { probe: PROBE, kind: "record", cause: "full", lost: "2", of: "3" } });
    expect(eventsOf(await packetsOf([[{ time_ns: 5n }]], lossy(1000))).slice(1)).toEqual([loss("1000")]);
    expect(eventsOf(await packetsOf([[{ time_ns: 2000n }]], lossy(1000))).slice(1)).toEqual([loss("2000")]);
  });

  it("has names in its backtraces", async () => {
    const names = new Names(new KernelSymbols(Buffer.from("ffffffff81000000 T f\n")), undefined);
    expect(eventsOf(await packetsOf([[{ text: "é <stack 0xffffffff81000004>\n" }]], jsonManifest([1]), names))[0]?.notes).toMatchObject({ text: "é <stack f+0x4>\n" });
  });

  it("has names cut to PERFETTO_NAME_MAX characters, not inside one", async () => {
    const events = eventsOf(await packetsOf([["x", "😀"].map((one) => ({ text: one.repeat(PERFETTO_NAME_MAX + 1) }))], jsonManifest([2])));
    expect(events.map(({ name }) => [...name].length)).toEqual([PERFETTO_NAME_MAX, PERFETTO_NAME_MAX]);
    expect(events[1]?.name).toBe(`${"😀".repeat(PERFETTO_NAME_MAX - 1)}…`);
  });

  it("has hits of threads beyond PERFETTO_THREADS_MAX on their CPU's track", async () => {
    const payload = encodeEvent({ ...HIT });
    const hits = Array.from({ length: PERFETTO_THREADS_MAX + 1 }, (_, tid): Draft => {
      const own = payload.slice();
      new DataView(own.buffer).setUint32(4, tid, true);
      return { type: "event", payload: own };
    });
    const packets = await packetsOf([hits], jsonManifest([hits.length]));
    expect(packets.filter(({ trackDescriptor }) => trackDescriptor?.thread).length).toBe(PERFETTO_THREADS_MAX);
    expect(packets.at(-1)?.trackEvent?.trackUuid).toBe("1");
  });
});
