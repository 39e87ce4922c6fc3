/** Planted bugs in a guest, one test for each, and what the kernel reported in it. */
import { readFileSync } from "node:fs";
import { PROJECT_ROOT } from "../../../spec/runtime.ts";
import type { KernelReport } from "../../console.ts";
import { DELIVERY } from "../../delivery/delivery.ts";
import type { FetchedKernel } from "../../fetch.ts";
import { runGuest } from "../../guest.ts";
import { buildModule, type ModuleSource } from "../../module.ts";
import { probeModule } from "../../program.ts";
import { buildStpd } from "../../run.ts";
import { step } from "../../steps.ts";
import { symboliseReport } from "../../symbolise.ts";
import { buildWorkload } from "../../tools.ts";
import { askForLeaks, buildLeaks, leakReports, watchForLeaks } from "../leaks.ts";
import { LEAK, plant, type PlantedBug } from "./planted.ts";

const HERE = "kernel-harness/sanitizers/planted";
const MODULE = "stp_planted";
const STEP_S_MAX = 120;
/** Opens of each process: so many that both are at it at once. */
const [PROCESSES, OPENS] = [2, 1500];

/** Accesses between two that are watched. */
const SKIP_WATCH = 20;

/** The name of the test that has no bug. */
export const UNCHANGED = "unchanged";

/** A test: the module with a bug, or unchanged. */
interface Planted {
  readonly name: string;
  readonly module: ModuleSource;
  /** What is lost is searched for at its end. */
  readonly leaks: boolean;
}

export interface PlantedOptions {
  /** Search for what is lost, where that is the question. */
  readonly leaks?: boolean;
  /** The kernel is to look for races much more often than it does by itself. */
  readonly races?: boolean;
  /** Real nmis come all the time, and print. */
  readonly nmis?: boolean;
  readonly report?: (line: string) => void;
}

/** What was reported, frames with their places; and other problems as texts. */
export interface PlantedResult {
  readonly reports: readonly KernelReport[];
  readonly problems: readonly string[];
}

/** Runs the module with each of the bugs, and before them unchanged. */
export async function runPlanted(kernel: FetchedKernel, bugs: readonly PlantedBug[], { leaks = false, nmis = false, races = false, report = console.warn }: PlantedOptions = {}): Promise<PlantedResult> {
  const original = plainModule(nmis);
  const tests = [undefined, ...bugs].map((bug): Planted => ({ name: bug?.name ?? UNCHANGED, module: bug ? plant(original, bug) : original, leaks: leaks && (bug === undefined || bug === LEAK) }));
  const modules = new Map<string, string>();
  for (const test of tests) modules.set(test.name, await buildModule(kernel, test.module));
  const files = Object.fromEntries(tests.map((test, i) => [pathOf(i), modules.get(test.name)!]));
  const often = races ? [step("write", "/sys/module/kcsan/parameters/skip_watch", String(SKIP_WATCH))] : [];
  const guest = await runGuest(kernel, {
    files: { "/stpd": await buildStpd(), "/workload": await buildWorkload(), "/leaks": await buildLeaks(), ...files },
    steps: [...often, ...tests.flatMap((test, i) => stepsOf(test, i))],
    timeout_ms: 400_000,
    boot_ms: 120_000,
    report,
  });
  const lost = guest.tests.flatMap(({ test, outputs }) => leakReports(outputs["leaks"]?.stdout ?? "", test));
  const reported = guest.problems.flatMap((problem) => problem.report ?? []);
  const reports = await Promise.all([...reported, ...lost].map((found) => {
    const module = modules.get(found.test ?? "");
    return symboliseReport(found, { modules: module === undefined ? {} : { [MODULE]: module }, ...(kernel.vmlinux !== undefined && { vmlinux: kernel.vmlinux }) });
  }));
  return { reports, problems: guest.problems.filter((problem) => problem.report === undefined).map(({ message }) => message) };
}

/** Text of the file as it is before a bug is planted in it. */
export function originalOf(bug: PlantedBug): string {
  return readFileSync(PROJECT_ROOT + bug.file, "utf8");
}

/** The module of probe.c. */
function plainModule(nmis: boolean): ModuleSource {
  const read = (path: string): string => readFileSync(PROJECT_ROOT + path, "utf8");
  const text = read(`${HERE}/probe.c`);
  if (!nmis) return probeModule(`${HERE}/probe.c`, text);
  const provider = { name: "nmi", path: `${DELIVERY}/nmi.provider.c`, text: read(`${DELIVERY}/nmi.provider.c`) };
  return probeModule(`${HERE}/probe.c`, text + read(`${DELIVERY}/nmi.c`), { providers: [provider] });
}

function stepsOf({ name, leaks }: Planted, index: number): string[] {
  const steps = [
    step("start", "stpd", "/stpd", "-o", `/recording${index}`, pathOf(index)),
    step("await", "stpd", "started", STEP_S_MAX),
    step("run", "workload", STEP_S_MAX, "/workload", "opens", PROCESSES, OPENS),
    step("signal", "stpd", "INT"),
    step("wait", "stpd", STEP_S_MAX),
  ];
  return [step("test", name), ...(leaks ? [...watchForLeaks([MODULE]), ...steps, ...askForLeaks()] : steps)];
}

function pathOf(index: number): string {
  return `/planted${index}.ko`;
}
