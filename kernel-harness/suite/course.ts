/**
 * The course of tests on one kernel: all in one guest, until one of them ends it; the rest goes on in a new one.
 *
 * A test that fails ends its guest, too: nobody knows what it left there.
 */
import { basename } from "node:path";
import type { KernelReport } from "../console.ts";
import { isSet } from "../directory.ts";
import type { FetchedKernel } from "../fetch.ts";
import { runGuest, type GuestResult } from "../guest.ts";
import { CompileError } from "../module.ts";
import { askForLeaks, buildLeaks, leakReports, watchForLeaks } from "../sanitizers/leaks.ts";
import { step } from "../steps.ts";
import { symboliseReport } from "../symbolise.ts";
import type { Part } from "../transcript.ts";
import type { Problem } from "../verdict.ts";
import type { Artefact, GuestTest, Outcome, PreparedTest, TestResult } from "./test.ts";
import { environmentTrouble } from "./trouble.ts";

/** What the guests of tests have: the stress wants four CPUs. */
const MACHINE = { cpus: 4, memory_mib: 512 } as const;
/** Beside the tests' own time. */
const BOOT_MS_MAX = 120_000;

/** The last test in each guest whose kernel can tell what was lost: it asks for all that ran there. */
const LEAKS = "leaks";
const LEAKS_S_MAX = 180;

export interface CourseOptions {
  /** Told what is happening: which test, or a line about what is built. */
  readonly report: (line: string) => void;
  /** Told each result as it comes. */
  readonly onResult: (result: TestResult) => void;
  /** Runs a guest when there is room for it. */
  readonly inTurn: <Result>(run: () => Promise<Result>) => Promise<Result>;
  /** Longest time from QEMU's start to the guest's first report. */
  readonly boot_ms?: number;
  /** Longest silence after that. */
  readonly silence_ms?: number;
}

interface ReadyTest {
  readonly test: GuestTest;
  readonly ready: PreparedTest;
  /** Paths of its modules, by name. */
  readonly modules: Readonly<Record<string, string>>;
}

/** Runs the tests. Their results come in their order, after that of the boot. */
export async function runCourse(kernel: FetchedKernel, tests: readonly GuestTest[], options: CourseOptions): Promise<void> {
  const course = new Course(kernel, options);
  let left: readonly ReadyTest[] = await course.prepare(tests);
  for (let first = true; left.some(({ test }) => test.name !== LEAKS); first = false) left = await course.runGuest(left, first);
}

class Course {
  constructor(
    private readonly kernel: FetchedKernel,
    private readonly options: CourseOptions,
  ) {}

  /** Those that could be prepared; the others have their result. */
  async prepare(tests: readonly GuestTest[]): Promise<ReadyTest[]> {
    const ready: ReadyTest[] = [];
    for (const test of tests) {
      const began_ms = performance.now();
      this.options.report(`${test.name}: building`);
      try {
        ready.push(await this.prepareOne(test));
      } catch (error) {
        const problems = [environmentTrouble(error)];
        this.tell(test.name, { outcome: error instanceof CompileError ? "failed" : "environment", ms: performance.now() - began_ms, problems });
      }
    }
    if (ready.length > 0 && isSet(this.kernel.headers, "CONFIG_DEBUG_KMEMLEAK")) ready.push(await this.prepareOne(leaks));
    return ready;
  }

  private async prepareOne(test: GuestTest): Promise<ReadyTest> {
    const ready = await test.prepare(this.kernel, () => {});
    const modules = Object.fromEntries(Object.entries(ready.files).flatMap(([path, file]) => (path.endsWith(".ko") && typeof file === "string" ? [[basename(path, ".ko"), file]] : [])));
    return { test, modules, ready };
  }

  /** Runs the tests in a guest as far as it comes. Returns those that are left. */
  async runGuest(tests: readonly ReadyTest[], isFirst: boolean): Promise<readonly ReadyTest[]> {
    const guest = await this.options.inTurn(() => this.boot(tests)).catch((error: unknown) => {
      this.tell("boot", { outcome: "environment", problems: [environmentTrouble(error)] });
    });
    if (!guest) return this.leave(tests, "There was no guest");
    const booted = guest.release !== undefined;
    const unplaced = guest.problems.filter((problem) => problem.test === undefined);
    if (isFirst || !booted || unplaced.length > 0) await this.tellProblems("boot", guest, unplaced, { ms: guest.boot_ms ?? guest.total_ms });
    if (!booted || guest.tests.length === 0) return this.leave(tests, booted ? "The guest ended before it began" : "The kernel did not boot");
    const lost = leakReports(guest.tests.find(({ test }) => test === LEAKS)?.outputs["leaks"]?.stdout ?? "");
    for (const [i, part] of guest.tests.entries()) await this.judge(tests[i]!, part, guest, lost.filter((report) => loserOf(report, tests) === tests[i]!.test.name));
    return tests.slice(guest.tests.length);
  }

  /** Nothing more can be run. */
  private leave(tests: readonly ReadyTest[], why: string): readonly ReadyTest[] {
    for (const { test } of tests) this.tell(test.name, { outcome: "not run", problems: [why] });
    return [];
  }

  private boot(tests: readonly ReadyTest[]): Promise<GuestResult> {
    const { report, boot_ms = BOOT_MS_MAX, silence_ms } = this.options;
    const tests_ms = Object.fromEntries(tests.map(({ test }) => [test.name, test.seconds_max * 1000]));
    report("booting");
    return runGuest(this.kernel, {
      files: Object.assign({}, ...tests.map(({ ready }) => ready.files)) as PreparedTest["files"],
      steps: [...watchSteps(tests), ...tests.flatMap(({ test, ready }) => [step("test", test.name), ...ready.steps])],
      ...MACHINE,
      boot_ms,
      ...(silence_ms !== undefined && { silence_ms }),
      tests_ms,
      timeout_ms: boot_ms + Object.values(tests_ms).reduce((sum, ms) => sum + ms, 0),
      onTest: report,
    });
  }

  private async judge({ test, ready, modules }: ReadyTest, part: Part, guest: GuestResult, lost: readonly KernelReport[]): Promise<void> {
    const leaked = lost.map((report): Problem => ({ kind: "test", message: `The kernel reported: ${report.title}`, report }));
    const problems = [...guest.problems.filter((problem) => problem.test === test.name), ...leaked];
    // Steps that did not all succeed sent half of what there is to judge, or nothing.
    const isWhole = !problems.some((problem) => problem.report === undefined);
    const checked = isWhole ? await ready.check(part) : { problems: [] };
    const more = checked.problems.map((message): Problem => ({ kind: "test", message }));
    const sent = [...part.files].map(([path, contents]): Artefact => ({ name: path.replace(/^\//, ""), contents }));
    await this.tellProblems(test.name, guest, [...problems, ...more], { ms: part.ms, figures: checked.figures ?? {} }, { sent, modules });
  }

  private async tellProblems(test: string, guest: GuestResult, problems: readonly Problem[], facts: Partial<TestResult>, { sent, modules }: { readonly sent: readonly Artefact[]; readonly modules: ReadyTest["modules"] } = { sent: [], modules: {} }): Promise<void> {
    const outcome: Outcome = problems.length === 0 ? "ok" : problems.every(({ kind }) => kind === "environment") ? "environment" : "failed";
    const said = Object.entries(guest.tests.find((part) => part.test === test)?.outputs ?? {}).map(([name, { stdout, stderr }]): Artefact => ({ name: `${name}.log`, contents: stdout + stderr }));
    const artefacts = outcome === "ok" ? [] : [{ name: "console.log", contents: guest.console }, ...said, ...sent];
    const reports = await Promise.all(problems.flatMap(({ report }) => (report ? [this.reportText(report, modules)] : [])));
    this.tell(test, { ...facts, outcome, problems: problems.map(({ message }) => message), reports, artefacts });
  }

  /** With source lines, as far as there is debug information. */
  private async reportText(report: KernelReport, modules: ReadyTest["modules"]): Promise<string> {
    const { vmlinux, architecture } = this.kernel;
    const files = { modules, ...(vmlinux !== undefined && { vmlinux }), ...(architecture.toolchain && { prefix: architecture.toolchain.prefix }) };
    return (await symboliseReport(report, files)).text;
  }

  private tell(test: string, facts: Partial<TestResult> & Pick<TestResult, "outcome">): void {
    this.options.onResult({ kernel: this.kernel.name, test, ms: 0, problems: [], reports: [], figures: {}, artefacts: [], ...facts });
  }
}

const leaks: GuestTest = {
  name: LEAKS,
  seconds_max: LEAKS_S_MAX,
  prepare: async () => ({ files: { "/leaks": await buildLeaks() }, steps: askForLeaks(LEAKS_S_MAX), check: () => ({ problems: [] }) }),
};

/** From before the first module comes. */
function watchSteps(tests: readonly ReadyTest[]): string[] {
  return tests.some(({ test }) => test.name === LEAKS) ? watchForLeaks(tests.flatMap(({ modules }) => Object.keys(modules))) : [];
}

/** The test whose module asked for what is lost; else the search itself. */
function loserOf({ title }: KernelReport, tests: readonly ReadyTest[]): string {
  return tests.find(({ modules }) => Object.keys(modules).some((module) => title.includes(`[${module}]`)))?.test.name ?? LEAKS;
}
