/**
 * Numbered lines from some processes at some rate: what of them arrives, and what is said about the rest.
 *
 * Siblings: lines.c makes the hits, probe.c prints the lines; ../bench/delivery.ts has others do the same.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LOSS_CAUSES, type LossCause, type RingMode, type Transport } from "../../spec/protocol.ts";
import { decodeRecords, type StpRecord } from "../../spec/recording/record.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import type { FetchedKernel } from "../fetch.ts";
import type { GuestFiles } from "../initramfs.ts";
import { buildProbe, buildStpd } from "../run.ts";
import { readSources } from "../sources.ts";
import { step } from "../steps.ts";
import { buildProgram } from "../tools.ts";

export const DELIVERY = "kernel-harness/delivery";
const STEP_S_MAX = 120;
/** As program.ts names the modules of probe.c and nmi.c. */
const [MODULE, MODULE_NMI] = ["stp_delivery", "stp_nmi"];

export interface Lines {
  readonly processes: number;
  /** Of all processes together. */
  readonly lines: number;
  /** A second, of all processes together; 0: as fast as they can. */
  readonly rate: number;
}

export interface Delivery extends Lines {
  readonly transport: Transport;
  readonly mode: RingMode;
  /** Ring of each CPU, as stpd's option has it. */
  readonly ring: string;
  /** Real nmis print, too, as often as they can come. */
  readonly nmis?: boolean;
}

/** What came of a delivery. */
export interface Delivered {
  /** Lines that arrived, each once. */
  readonly arrived: number;
  /** Lines that came twice, or after a later one of their process on the same CPU. */
  readonly misplaced: number;
  /** Reported lost: records by cause, and hits that made none. */
  readonly lost: Readonly<Record<LossCause, number>>;
  readonly hits_lost: number;
  /** Records that were offered to the rings, and hits that made none. */
  readonly offered: number;
  /** Lines of nmis that arrived. */
  readonly nmis_arrived: number;
  /** Hits that nmis made, in the words of who sent them. */
  readonly nmis: number;
  /** How long the processes took. */
  readonly seconds: number;
}

/** What a guest needs for deliveries. */
export async function deliveryFiles(kernel: FetchedKernel): Promise<GuestFiles> {
  const read = (name: string): Promise<string> => readFile(`${PROJECT_ROOT}${DELIVERY}/${name}`, "utf8");
  const text = await read("probe.c");
  const plain = await buildProbe(kernel, { path: `${DELIVERY}/probe.c`, text });
  const nmis = await buildProbe(kernel, { path: `${DELIVERY}/nmi.c`, text: text + (await read("nmi.c")), providers: [{ name: "nmi", path: `${DELIVERY}/nmi.provider.c`, text: await read("nmi.provider.c") }] });
  return { "/stpd": await buildStpd(), "/lines": await buildLines(), [`/${plain.name}.ko`]: plain.path, [`/${nmis.name}.ko`]: nmis.path };
}

export async function buildLines(): Promise<string> {
  return buildHelper("lines");
}

/** A program of this folder. */
export async function buildHelper(name: "lines" | "late" | "rough"): Promise<string> {
  return buildProgram({ name, sources: await readSources(join(PROJECT_ROOT, DELIVERY), [`${name}.c`]), cflags: ["-pthread"] });
}

/** The command that makes the hits. */
export function linesCommand({ processes, lines, rate }: Lines): string {
  return `/lines ${processes} ${lines / processes} ${rate}`;
}

export function nameOfDelivery({ transport, mode, processes, lines, rate, nmis = false }: Delivery): string {
  return `${transport} ${mode} ${processes}x${lines / processes} ${rate === 0 ? "flat out" : `${rate}/s`}${nmis ? " under nmis" : ""}`;
}

/** Steps of a delivery that is called `name` in the guest. No limit of time: hits that a slow guest cuts short are no question of transport. */
export function deliverySteps(name: string, delivery: Delivery): string[] {
  const { transport, mode, ring, nmis = false } = delivery;
  return [
    step("run", name, STEP_S_MAX, "/stpd", "-t", transport, "-m", mode, "-b", ring, "-l", "overload_percent=4294967295", "-o", `/${name}`, "-c", linesCommand(delivery), `/${nmis ? MODULE_NMI : MODULE}.ko`),
    step("send", `/${name}`),
  ];
}

/** Reads what `deliverySteps()` sent; `output` is what stpd and its command wrote. */
export function deliveredBy(name: string, files: ReadonlyMap<string, Uint8Array>, output: string): Delivered {
  const parts = [...files].flatMap(([path, bytes]) => {
    const [, cpu, offset] = new RegExp(`^/${name}/cpu(\\d+)(?:\\.(\\d+))?\\.data$`).exec(path) ?? [];
    return cpu === undefined ? [] : [{ cpu: Number(cpu), offset: Number(offset ?? 0), bytes }];
  });
  parts.sort((a, b) => a.cpu - b.cpu || a.offset - b.offset);
  const { arrived, misplaced, nmis_arrived } = countLines(parts.flatMap(({ bytes }) => decodeRecords(bytes)));
  const { ledger } = JSON.parse(Buffer.from(files.get(`/${name}/manifest.json`) ?? []).toString()) as { ledger: readonly LedgerRow[] };
  const causes = Object.keys(LOSS_CAUSES) as LossCause[];
  const sum = (kind: "record" | "hit", cause: LossCause): number => ledger.reduce((total, row) => total + row[kind].lost[cause], 0);
  const hits_lost = causes.reduce((total, cause) => total + sum("hit", cause), 0);
  return {
    arrived,
    misplaced,
    nmis_arrived,
    nmis: Number(/nmi hits (\d+)$/m.exec(output)?.[1] ?? 0),
    lost: Object.fromEntries(causes.map((cause) => [cause, sum("record", cause)])) as Record<LossCause, number>,
    hits_lost,
    offered: ledger.reduce((total, row) => total + row.record.attempted, hits_lost),
    seconds: Number(/^lines: (\d+)$/m.exec(output)?.[1] ?? NaN) / 1e9,
  };
}

interface LedgerRow {
  readonly record: { readonly attempted: number; readonly lost: Readonly<Record<LossCause, number>> };
  readonly hit: { readonly lost: Readonly<Record<LossCause, number>> };
}

const LINE = /^(\d+) (\d{10}) x+\n$/;

const NMI_LINE = "nmi\n";

/** Of each process a line comes once, and on each CPU in order. */
export function countLines(records: readonly Pick<StpRecord, "cpu" | "type" | "payload">[]): Pick<Delivered, "arrived" | "misplaced" | "nmis_arrived"> {
  const seen = new Set<string>();
  const last = new Map<string, number>();
  let [misplaced, nmis_arrived] = [0, 0];
  for (const { cpu, type, payload } of records) {
    if (type !== "print") continue;
    const text = Buffer.from(payload).toString();
    if (text === NMI_LINE) {
      nmis_arrived++;
      continue;
    }
    const [line, process = "", number = ""] = LINE.exec(text) ?? [];
    const place = `${cpu} ${process}`;
    if (line === undefined || seen.has(line) || (last.get(place) ?? -1) >= Number(number)) misplaced++;
    else seen.add(line);
    last.set(place, Number(number));
  }
  return { arrived: seen.size, misplaced, nmis_arrived };
}

/** Lines that were reported lost, those of nmis included: records that were, and hits that made none. */
export function lostLines({ lost, hits_lost }: Delivered): number {
  return Object.values(lost).reduce((total, count) => total + count, hits_lost);
}
