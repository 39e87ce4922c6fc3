/**
 * What arrives of lines that two processes print as fast as they can: ours, SystemTap's, bpftrace's, and those of bare relay_write().
 * In a guest of two CPUs whose clock is the host's: so the figures of one run are to be compared with each other only.
 *
 * Siblings: ../delivery has ours; lines.stp, lines.bt and relay_lines.c the peers'.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { StpError } from "../../spec/errors.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { deliveredBy, deliveryFiles, deliverySteps, linesCommand, lostLines, type Delivery, type Lines } from "../delivery/delivery.ts";
import type { FetchedKernel } from "../fetch.ts";
import { runGuest, type GuestResult } from "../guest.ts";
import type { GuestFiles } from "../initramfs.ts";
import { buildModule } from "../module.ts";
import { readSources, type Sources } from "../sources.ts";
import { step } from "../steps.ts";
import { buildProgram } from "../tools.ts";
import { parseMeasurements, rounded, ticksPerOperation } from "./figures.ts";
import { buildScript } from "./systemtap.ts";

/** A row of the bench in which more is better. */
export interface DeliveryRow {
  readonly operation: string;
  readonly unit: "lines" | "lines/s";
  readonly ours: number;
  /** SystemTap's. */
  readonly peer: number;
  /** How many times more of ours. */
  readonly ratio: number;
  readonly bpftrace?: number;
  readonly relay_write?: number;
  /** What ours says it lost. */
  readonly reported_lost?: number;
  /** At least so much of ours, where the design says so. */
  readonly at_least?: number;
}

const HERE = "kernel-harness/bench";
const CPUS = 2;
const STEP_S_MAX = 300;
const TIMEOUT_MS = 900_000;
const RING = "2M";
const FEW: Lines = { processes: 2, lines: 60_000, rate: 0 };
const MANY: Lines = { processes: 2, lines: 600_000, rate: 0 };
/** Of MANY, the issue wants so much to arrive. */
const SHARE = 0.95;

const oursOf = (lines: Lines): Delivery => ({ ...lines, transport: "relay", mode: "discard", ring: RING });

/** What one boot with two CPUs gives: lines, and the time in which a session comes and goes, on each side. */
export interface DeliveryResult {
  readonly rows: readonly DeliveryRow[];
  readonly load_run_unload_s: { readonly ours: number; readonly peer: number };
}

/** One boot. `tree` has the peers, `files` what both sides need beside what is built here: programs, meter and the modules called empty. Throws StpError if anything could not be run. */
export async function benchDelivery(kernel: FetchedKernel, tree: string, common: GuestFiles, report: (line: string) => void): Promise<DeliveryResult> {
  const files = { ...common, ...(await deliveryFiles(kernel)), ...(await peerFiles(kernel, tree)) };
  const steps = [
    step("run", "ours_empty", STEP_S_MAX, "/meter", "time", "load_run_unload", "/stpd", "-b", RING, "-o", "/recording-empty", "-c", "/meter nothing", "/stp_ours_empty.ko"),
    step("run", "peer_empty", STEP_S_MAX, "/meter", "time", "load_run_unload", "/usr/bin/staprun", "-o", "/peer-empty", "-c", "/meter nothing", "/stp_peer_empty.ko"),
    ...deliverySteps("ours_few", oursOf(FEW)), ...deliverySteps("ours_many", oursOf(MANY)), ...relaySteps(), ...systemTapSteps("few", FEW), ...systemTapSteps("many", MANY), ...bpftraceSteps("few", FEW), ...bpftraceSteps("many", MANY),
  ];
  report(`measuring delivery on ${kernel.name}`);
  const guest = await runGuest(kernel, { cpus: CPUS, memory_mib: 1536, timeout_ms: TIMEOUT_MS, files, steps });
  if (!guest.ok) throw new StpError(`Cannot measure delivery on ${kernel.name}: ${guest.problems.map((problem) => problem.message).join("; ")}`);
  const secondsOf = (name: string): number => {
    const { stdout = "", stderr = "" } = guest.outputs[name] ?? {};
    return rounded(ticksPerOperation(parseMeasurements(stdout + stderr), "load_run_unload") / 1e9, 3);
  };
  return { rows: rowsOf(guest), load_run_unload_s: { ours: secondsOf("ours_empty"), peer: secondsOf("peer_empty") } };
}

async function peerFiles(kernel: FetchedKernel, tree: string): Promise<GuestFiles> {
  const sources = (name: string): Promise<Sources> => readSources(join(PROJECT_ROOT, HERE), [name]);
  return {
    "/stp_peer_lines.ko": await buildScript(tree, kernel, "stp_peer_lines", await readFile(join(PROJECT_ROOT, HERE, "lines.stp"), "utf8")),
    "/lines.bt": join(PROJECT_ROOT, HERE, "lines.bt"),
    "/relay_lines.ko": await buildModule(kernel, { name: "relay_lines", sources: await sources("relay_lines.c"), objects: ["relay_lines.o"] }),
    "/catch": await buildProgram({ name: "catch", sources: await sources("catch.c") }),
  };
}

function relaySteps(): string[] {
  const cpus = Array.from({ length: CPUS }, (_, cpu) => cpu);
  return [
    step("insmod", "/relay_lines.ko"),
    step("run", "relay_many", STEP_S_MAX, "/catch", ...cpus.map((cpu) => `/sys/kernel/debug/relay_lines/cpu${cpu}`), "--", ...linesCommand(MANY).split(" ")),
    step("rmmod", "relay_lines"),
    ...cpus.map((cpu) => step("send", `/catch.${cpu}`)),
  ];
}

function systemTapSteps(name: string, lines: Lines): string[] {
  return [step("run", `systemtap_${name}`, STEP_S_MAX, "/usr/bin/staprun", "-o", `/systemtap_${name}`, "-c", linesCommand(lines), "/stp_peer_lines.ko"), step("send", `/systemtap_${name}`)];
}

function bpftraceSteps(name: string, lines: Lines): string[] {
  return [step("run", `bpftrace_${name}`, STEP_S_MAX, "/usr/bin/bpftrace", "-o", `/bpftrace_${name}`, "-c", linesCommand(lines), "/lines.bt"), step("send", `/bpftrace_${name}`)];
}

const LINE = /^\d+ \d{10} x{56}$/gm;

function rowsOf(guest: GuestResult): DeliveryRow[] {
  const outputOf = (name: string): string => `${guest.outputs[name]?.stdout ?? ""}${guest.outputs[name]?.stderr ?? ""}`;
  const secondsOf = (name: string): number => Number(/^lines: (\d+)$/m.exec(outputOf(name))?.[1] ?? NaN) / 1e9;
  const linesIn = (...paths: string[]): number => new Set(paths.flatMap((path) => Buffer.from(guest.files.get(path) ?? []).toString("latin1").match(LINE) ?? [])).size;
  const few = deliveredBy("ours_few", guest.files, outputOf("ours_few"));
  const many = deliveredBy("ours_many", guest.files, outputOf("ours_many"));
  const peers = {
    few: { peer: linesIn("/systemtap_few"), bpftrace: linesIn("/bpftrace_few") },
    many: { peer: linesIn("/systemtap_many"), bpftrace: linesIn("/bpftrace_many"), relay_write: linesIn("/catch.0", "/catch.1") },
  };
  const perSecond = (arrived: number, name: string): number => Math.round(arrived / secondsOf(name));
  const speed = {
    ours: Math.round(many.arrived / many.seconds),
    peer: perSecond(peers.many.peer, "systemtap_many"),
    bpftrace: perSecond(peers.many.bpftrace, "bpftrace_many"),
    relay_write: perSecond(peers.many.relay_write, "relay_many"),
  };
  return [
    { operation: `delivery of ${FEW.lines} lines, 2 processes flat out`, unit: "lines", ours: few.arrived, ...peers.few, ratio: ratioOf(few.arrived, peers.few.peer), reported_lost: lostLines(few), at_least: FEW.lines },
    { operation: `delivery of ${MANY.lines} lines, 2 processes flat out`, unit: "lines", ours: many.arrived, ...peers.many, ratio: ratioOf(many.arrived, peers.many.peer), reported_lost: lostLines(many), at_least: SHARE * MANY.lines },
    { operation: "arriving lines a second, the same", unit: "lines/s", ...speed, ratio: ratioOf(speed.ours, speed.peer) },
  ];
}

function ratioOf(ours: number, peer: number): number {
  return rounded(ours / Math.max(peer, 1), 2);
}
