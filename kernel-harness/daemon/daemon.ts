/** stpd in a guest: what its tests share. The lines that it records are those of ../delivery. Sibling: tool.c, which does in the guest what a shell would. */
import { readFile } from "node:fs/promises";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { buildLines, DELIVERY } from "../delivery/delivery.ts";
import { runGuest, type GuestResult, type Job } from "../guest.ts";
import type { GuestFiles } from "../initramfs.ts";
import { buildModule } from "../module.ts";
import { probeModule } from "../program.ts";
import { readRecording, type Recorded } from "../providers/run.ts";
import { buildStpd } from "../run.ts";
import { readSources } from "../sources.ts";
import { step } from "../steps.ts";
import { testedKernel } from "../testing.ts";
import { buildProgram } from "../tools.ts";

export const MINUTE_MS = 60_000;
export const STEP_S_MAX = 60;
/** So that no hit is lost because the guest is slow. */
export const UNLIMITED = ["-l", "overload_percent=4294967295"] as const;

/** A module that prints ../delivery's lines, by its name. */
export async function linesModule(name = "stp_lines"): Promise<string> {
  const path = `${DELIVERY}/probe.c`;
  const kernel = await testedKernel();
  return buildModule(kernel, probeModule(path, await readFile(PROJECT_ROOT + path, "utf8"), { name }));
}

const STACKS = '#include <stp/stp.h>\n\nSTP_PROBE(kprobe, "null_lseek")\n{\n\tstp_print_user_stack(ctx);\n}\n';

/** A module that prints a backtrace of user space for each of them. */
export async function stacksModule(): Promise<string> {
  const kernel = await testedKernel();
  return buildModule(kernel, probeModule("stacks.c", STACKS, { name: "stp_stacks" }));
}

/** Boots a guest with stpd, the tool, the lines and their module. */
export async function boot(steps: readonly string[], job: Partial<Job> = {}): Promise<GuestResult> {
  const files: GuestFiles = {
    "/stpd": await buildStpd(),
    "/tool": await buildProgram({ name: "tool", sources: await readSources(`${PROJECT_ROOT}kernel-harness/daemon`, ["tool.c"]) }),
    "/lines": await buildLines(),
    "/stp_lines.ko": await linesModule(),
    ...job.files,
  };
  const kernel = await testedKernel();
  const result = await runGuest(kernel, { cpus: 2, timeout_ms: 4 * MINUTE_MS, ...job, files, steps });
  if (process.env["STP_SHOW"]) for (const [name, { stdout, stderr, status }] of Object.entries(result.outputs)) console.warn(`--- ${name}: ${status}\n${stdout}${stderr}`);
  return result;
}

/** What went wrong in the guest, and what stpd said. */
export const problemsOf = (guest: GuestResult): string[] => guest.problems.map(({ message }) => message);
export const saidBy = (guest: GuestResult, name: string): string => guest.outputs[name]?.stderr ?? "";
export const printedBy = (guest: GuestResult, name: string): string => guest.outputs[name]?.stdout ?? "";
export const fileOf = (guest: GuestResult, path: string): string => Buffer.from(guest.files.get(path) ?? []).toString();
export const filesBelow = (guest: GuestResult, folder: string): string[] =>
  [...guest.files.keys()].filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1)).sort();

/** Starts stpd as `name` and waits until the session runs. */
export const started = (name: string, ...args: readonly (string | number)[]): string[] => [
  step("start", name, "/stpd", ...args),
  step("await", name, args.includes("-A") ? "goes on with session" : "started", STEP_S_MAX),
];
/** stpd, that ends by itself with a status. */
export const ends = (name: string, status: number, ...args: readonly (string | number)[]): string[] => [step("start", name, "/stpd", ...args), step("wait", name, STEP_S_MAX, status)];
/** Interrupts stpd and waits for its end. */
export const interrupted = (name: string, status = 0): string[] => [step("signal", name, "INT"), step("wait", name, STEP_S_MAX, status)];
export const tool = (name: string, ...args: readonly (string | number)[]): string => step("run", name, STEP_S_MAX, "/tool", ...args);
export const lines = (name: string, processes: number, count: number, rate: number): string => step("run", name, 2 * STEP_S_MAX, "/lines", processes, count, rate);

export interface Counted extends Recorded {
  /** Lines that arrived, each counted once. */
  readonly arrived: number;
  /** Lines that came twice, or before an earlier one of their process. */
  readonly misplaced: number;
  /** Records and hits that the ledger says are lost. */
  readonly lost: number;
}

/** A recording of numbered lines. */
export async function countedLines(guest: GuestResult, folder: string): Promise<Counted> {
  const recorded = await readRecording(guest.files, folder);
  const seen = new Set<string>();
  const last = new Map<string, number>();
  let misplaced = 0;
  for (const [line, writer, number] of recorded.output.matchAll(/^(\d+) (\d{10}) x+$/gm)) {
    if (seen.has(line) || (last.get(writer!) ?? -1) >= Number(number)) misplaced++;
    seen.add(line);
    last.set(writer!, Number(number));
  }
  const lost = recorded.manifest.ledger.flatMap(({ kinds }) => [...Object.values(kinds.record.lost), ...Object.values(kinds.hit.lost)]).reduce((sum, count) => sum + Number(count), 0);
  return { ...recorded, arrived: seen.size, misplaced, lost };
}
