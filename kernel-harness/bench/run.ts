/**
 * The bench: ours and SystemTap do the same work in one guest whose clock counts instructions; in hits of kprobes bpftrace, too.
 *
 * It must never fill in a figure: what was not measured in this run is not there.
 * Siblings: rows.ts says what is measured; runtime-c/bench/ has our programs, *.stp and *.bt here the peers'
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { StpError } from "../../spec/errors.ts";
import { readManifest } from "../../spec/recording/manifest.ts";
import { decodeRecords } from "../../spec/recording/record.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { fetchKernel, type FetchedKernel } from "../fetch.ts";
import type { GuestFiles } from "../initramfs.ts";
import { findKernel } from "../kernels.ts";
import { buildModule } from "../module.ts";
import { probeModule } from "../program.ts";
import { buildStpd } from "../run.ts";
import { readSources } from "../sources.ts";
import { step } from "../steps.ts";
import { inTemporaryDirectory } from "../temporary.ts";
import { buildProgram } from "../tools.ts";
import { benchDelivery, type DeliveryRow } from "./delivery.ts";
import { BPFTRACE_PACKAGES, BPFTRACE_PROGRAMS, bpftraceOutput, bpftraceSteps } from "./bpftrace.ts";
import { parseMeasurements, rounded, type Measurements } from "./figures.ts";
import { runCounted, type CountedRun } from "./guest.ts";
import { BARE_CALLS, BODIES, requireAllHits } from "./hits.ts";
import { rowFigure, ROWS, type Row } from "./rows.ts";
import { buildScript, patchSystemTap, SYSTEMTAP_FILES, SYSTEMTAP_PACKAGES, SYSTEMTAP_PROGRAMS } from "./systemtap.ts";
import { fetchTree, type TreeSource } from "../tree.ts";
import { programFiles } from "./tree.ts";

/** A row in which less is better. */
export interface CostRow {
  readonly operation: string;
  readonly unit: Row["unit"];
  readonly ours: number;
  /** SystemTap's. */
  readonly peer: number;
  /** How many times more SystemTap needs. */
  readonly ratio: number;
  /** At most so much for ours, where the design says so. */
  readonly target?: number;
  /** Where bpftrace was measured, too. */
  readonly bpftrace?: number;
}

export type BenchRow = CostRow | DeliveryRow;

export function isDelivery(row: BenchRow): row is DeliveryRow {
  return row.unit === "lines" || row.unit === "lines/s";
}

export function isCost(row: BenchRow): row is CostRow {
  return !isDelivery(row);
}

export interface BenchResult {
  /** Release of the guest's kernel. */
  readonly kernel: string;
  readonly rows: readonly BenchRow[];
}

const HERE = "kernel-harness/bench";
const OURS = "runtime-c/bench";
/** A program and a script of one name each. */
const PAIRS = ["bench", "empty", ...BODIES.map((body) => body.name)];

const PEERS: TreeSource = {
  name: "SystemTap and bpftrace",
  key: "debian-12.peers1",
  packages: [...SYSTEMTAP_PACKAGES, ...BPFTRACE_PACKAGES],
  wanted: /^(systemtap|lib|zlib)/,
  finish: patchSystemTap,
};

/** A hit of bench.c is long: budgets are counted and not reached, as in the peer. The other programs keep to their limits. */
const BENCH_LIMITS = ["-l", "actions=100000000", "-l", "overload_percent=100"] as const;

/** More hits than the loops of bench.c want; those that are left do nothing. */
const BENCH_CALLS = 4000;
/** A session that does nothing comes and goes in so many seconds. */
const SESSION_S_MAX = 0.4;
const STEP_S_MAX = 300; // of the guest's time
const RING = "4M";

/** Builds both sides, runs them, compares. Throws StpError if either cannot be built or run. */
export async function benchKernel(name: string, report: (line: string) => void): Promise<BenchResult> {
  const kernel = await fetchKernel(findKernel(name), { report });
  const tree = await fetchTree(PEERS, report);
  const files = {
    ...(await ourFiles(kernel, report)),
    ...(await peerFiles(tree, kernel, report)),
  };
  report(`measuring on ${kernel.name}`);
  const run = await runCounted(kernel, files, [...commonSteps(), ...ourSteps(), ...peerSteps(), ...BODIES.flatMap((body) => bpftraceSteps(STEP_S_MAX, body))], (at) => report(`measuring on ${kernel.name}: ${at}`));
  const costs = compare(await ourMeasurements(run), peerMeasurements(run), bpftraceMeasurements(run));
  const { rows, load_run_unload_s } = await benchDelivery(kernel, tree, files, report);
  const session: CostRow = { operation: "load + empty run + unload, 2 CPUs", unit: "seconds", ...load_run_unload_s, ratio: rounded(load_run_unload_s.peer / load_run_unload_s.ours, 2), target: SESSION_S_MAX };
  return { kernel: kernel.release, rows: [...costs, session, ...rows] };
}

async function ourFiles(kernel: FetchedKernel, report: (line: string) => void): Promise<GuestFiles> {
  const modules: Record<string, string> = {};
  for (const pair of PAIRS) {
    report(`building our module ${pair} for ${kernel.release}`);
    const path = `${OURS}/${pair}.c`;
    const module = probeModule(path, await readFile(PROJECT_ROOT + path, "utf8"), { name: `stp_ours_${pair}` });
    modules[`/${module.name}.ko`] = await buildModule(kernel, module);
  }
  const target = await readSources(join(PROJECT_ROOT, HERE), ["target.c"]);
  return {
    ...modules,
    "/stpd": await buildStpd(),
    "/meter": await buildProgram({ name: "meter", sources: await readSources(join(PROJECT_ROOT, HERE), ["meter.c"]) }),
    "/stp_bench_target.ko": await buildModule(kernel, { name: "stp_bench_target", sources: target, objects: ["target.o"] }),
  };
}

async function peerFiles(tree: string, kernel: FetchedKernel, report: (line: string) => void): Promise<GuestFiles> {
  const modules: Record<string, string> = {};
  for (const pair of PAIRS) {
    report(`building SystemTap's module ${pair} for ${kernel.release}`);
    modules[`/stp_peer_${pair}.ko`] = await buildScript(tree, kernel, `stp_peer_${pair}`, await readFile(join(PROJECT_ROOT, HERE, `${pair}.stp`), "utf8"));
  }
  const scripts = BODIES.map(({ name }) => [`/${name}.bt`, join(PROJECT_ROOT, HERE, `${name}.bt`)] as const);
  return { ...SYSTEMTAP_FILES, ...(await programFiles(tree, [...SYSTEMTAP_PROGRAMS, ...BPFTRACE_PROGRAMS])), ...modules, ...Object.fromEntries(scripts) };
}

/** Calls without a probe: subtracted on all sides. */
function commonSteps(): string[] {
  return [step("insmod", "/stp_bench_target.ko"), step("run", "common", STEP_S_MAX, "/meter", "calls", "call_bare", BARE_CALLS)];
}

function ourSteps(): string[] {
  const run = (pair: string, ...before: string[]) => (command: string) => [
    step("run", `ours_${pair}`, STEP_S_MAX, ...before, "/stpd", "-b", RING, ...(pair === "bench" ? BENCH_LIMITS : []), "-o", `/recording-${pair}`, "-c", command, `/stp_ours_${pair}.ko`),
    step("send", `/recording-${pair}`),
  ];
  return [
    ...run("bench")(`/meter calls bench ${BENCH_CALLS}`),
    ...BODIES.flatMap(({ name, calls }) => run(name)(`/meter calls ${name} ${calls}`)),
    ...run("empty", "/meter", "time", "load_run_unload")("/meter nothing"),
  ];
}

function peerSteps(): string[] {
  const run = (pair: string, ...before: string[]) => (command: string) =>
    step("run", `peer_${pair}`, STEP_S_MAX, ...before, "/usr/bin/staprun", "-o", `/peer-${pair}`, "-c", command, `/stp_peer_${pair}.ko`);
  return [
    run("bench")("/meter nothing"),
    ...BODIES.flatMap(({ name, calls }) => [run(name)(`/meter calls ${name} ${calls}`), step("send", `/peer-${name}`)]),
    run("empty", "/meter", "time", "load_run_unload")("/meter nothing"),
  ];
}

/** What the programs whose names begin so wrote. */
function measurementsOf(run: CountedRun, ...prefixes: string[]): Measurements {
  const texts = Object.entries(run.outputs).filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix))).flatMap(([, output]) => [output.stdout, output.stderr]);
  return parseMeasurements(texts.join("\n"));
}

/** Ours prints into its recording. Throws StpError if anything was lost: what was refused was not measured. */
async function ourMeasurements(run: CountedRun): Promise<Measurements> {
  for (const pair of PAIRS) await requireNoLoss(run, `/recording-${pair}`);
  const measurements = new Map([...measurementsOf(run, "common", "ours"), ...parseMeasurements(printed(run, "bench"))]);
  for (const body of BODIES) requireAllHits("stp", body, printed(run, body.name), measurements);
  return measurements;
}

function printed(run: CountedRun, pair: string): string {
  const records = decodeRecords(run.files.get(`/recording-${pair}/cpu0.data`) ?? new Uint8Array());
  return records.filter((record) => record.type === "print").map((record) => Buffer.from(record.payload).toString()).join("");
}

function peerMeasurements(run: CountedRun): Measurements {
  const measurements = measurementsOf(run, "common", "peer");
  for (const body of BODIES) requireAllHits("SystemTap", body, sent(run, `/peer-${body.name}`), measurements);
  return measurements;
}

function bpftraceMeasurements(run: CountedRun): Measurements {
  const measurements = measurementsOf(run, "common", "bpftrace");
  for (const body of BODIES) requireAllHits("bpftrace", body, sent(run, bpftraceOutput(body.name)), measurements);
  return measurements;
}

function sent(run: CountedRun, path: string): string {
  return Buffer.from(run.files.get(path) ?? []).toString();
}

async function requireNoLoss(run: CountedRun, recording: string): Promise<void> {
  await inTemporaryDirectory("stp-bench-", async (directory) => {
    await mkdir(directory, { recursive: true });
    for (const [path, bytes] of run.files) if (path.startsWith(`${recording}/`)) await writeFile(join(directory, basename(path)), bytes);
    const { ledger } = await readManifest(directory);
    for (const row of ledger) {
      for (const [kind, count] of Object.entries(row.kinds)) {
        const lost = Object.entries(count.lost).filter(([, n]) => n !== 0n).map(([cause, n]) => `${n} by ${cause}`);
        if (lost.length > 0) throw new StpError(`Cannot measure: ${recording.slice(1)} lost of kind ${kind}: ${lost.join(", ")}`);
      }
    }
  });
}

function compare(ours: Measurements, peer: Measurements, bpftrace: Measurements): CostRow[] {
  return ROWS.map((row) => {
    const { operation, unit, target } = row;
    const figures = { ours: rowFigure(row, ours), peer: rowFigure(row, peer) };
    return {
      operation,
      unit,
      ...figures,
      ratio: rounded(figures.peer / figures.ours, 2),
      ...(target !== undefined && { target }),
      ...(bpftrace.has(row.loop) && { bpftrace: rowFigure(row, bpftrace) }),
    };
  });
}
