/**
 * The course of tests on one kernel: all in one guest, until one of them ends it; the rest goes on in a new one.
 *
 * A test that fails ends its guest, too: nobody knows what it left there.
 */
import { basename } from "node:path";
import { endsTrust, type KernelReport } from "../console.ts";
import { isSet } from "../directory.ts";
import type { FetchedKernel } from "../fetch.ts";
import { runGuest, type GuestResult } from "../guest.ts";
import { askForLeaks, buildLeaks, leakReports, watchForLeaks } from "../sanitizers/leaks.ts";
import { step } from "../steps.ts";
import { symboliseReport } from "../symbolise.ts";
import { crossAddr2line } from "../toolchain.ts";
import type { Part } from "../transcript.ts";
import type { Problem } from "../verdict.ts";
import { resultOf, type Artefact, type Checked, type GuestTest, type Outcome, type PreparedTest, type TestResult } from "./test.ts";
import { failureOf } from "./trouble.ts";

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
  /** Longest time from QEMU's start to the guest's first report. Without it, a guest that stands still is given a second try. */
  readonly boot_ms?: number;
  /** Longest silence after that. */
  readonly silence_ms?: number;
  /** Ends all at once: what is left was not run. */
  readonly stop?: AbortSignal;
}

interface Told {
  readonly test: string;
  readonly guest: GuestResult;
  readonly problems: readonly Problem[];
  readonly facts: Partial<TestResult>;
  readonly modules?: ReadyTest["modules"];
  /** Kept if it failed. */
  readonly artefacts?: readonly Artefact[];
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
  while (left.some(({ test }) => test.name !== LEAKS)) left = await course.runGuest(left);
  course.leave(left, "The last test ended its guest, which could not be asked");
}

class Course {
  #guests = 0;

  constructor(
    private readonly kernel: FetchedKernel,
    private readonly options: CourseOptions,
  ) {}

  /** Those that could be prepared; the others have their result. */
  async prepare(tests: readonly GuestTest[]): Promise<ReadyTest[]> {
    const ready: ReadyTest[] = [];
    for (const test of tests) {
      const began_ms = performance.now();
      if (this.options.stop?.aborted) {
        this.tell(test.name, { outcome: "not run", problems: ["Interrupted"] });
        continue;
      }
      this.options.report(`${test.name}: building`);
      try {
        ready.push(await this.prepareOne(test));
      } catch (error) {
        this.tell(test.name, { ...failureOf(error), ms: performance.now() - began_ms });
      }
    }
    if (ready.length > 0 && isSet(this.kernel.headers, "CONFIG_DEBUG_KMEMLEAK")) ready.push(await this.prepareOne(leaks));
    return ready;
  }

  private async prepareOne(test: GuestTest): Promise<ReadyTest> {
    const ready = await test.prepare(this.kernel, this.options.report);
    const modules = Object.fromEntries(Object.entries(ready.files).flatMap(([path, file]) => (path.endsWith(".ko") && typeof file === "string" ? [[basename(path, ".ko"), file]] : [])));
    return { test, modules, ready };
  }

  /** Runs the tests in a guest as far as it comes. Returns those that are left. */
  async runGuest(tests: readonly ReadyTest[]): Promise<readonly ReadyTest[]> {
    const boot = this.#guests++ === 0 ? "boot" : `boot-${this.#guests}`;
    if (this.options.stop?.aborted) return this.leave(tests, "Interrupted");
    const guest = await this.options.inTurn(() => this.boot(tests)).catch((error: unknown) => this.tell(boot, failureOf(error)));
    if (!guest) return this.leave(tests, "There was no guest");
    const problems = this.bootProblems(guest);
    if (boot === "boot" || problems.length > 0) await this.tellTest({ test: boot, guest, problems, facts: { ms: guest.boot_ms ?? guest.total_ms } });
    if (guest.release === undefined) return this.leave(tests, this.options.stop?.aborted ? "Interrupted" : "The kernel did not boot");
    if (guest.tests.length === 0) return this.leave(tests, "The guest ended before it began");
    const lost = leakReports(guest.tests.find(({ test }) => test === LEAKS)?.outputs["leaks"]?.stdout ?? "");
    const seen = partsToTrust(guest);
    for (const [i, part] of seen.entries()) {
      const { name } = tests[i]!.test;
      await this.judge(tests[i]!, part, guest, lost.filter((report) => loserOf(report, tests) === name)).catch((error: unknown) => this.tell(name, { ...failureOf(error), ms: part.ms }));
    }
    return tests.slice(seen.length);
  }

  /** What belongs to no test; and a kernel that is not the one whose headers there are. */
  private bootProblems(guest: GuestResult): Problem[] {
    const problems = guest.problems.filter((problem) => problem.test === undefined);
    if (guest.release === undefined || guest.release === this.kernel.release) return problems;
    return [...problems, { kind: "environment", message: `The kernel says that it is ${guest.release}, its headers are those of ${this.kernel.release}; give those that belong together` }];
  }

  /** Nothing more can be run. */
  leave(tests: readonly ReadyTest[], why: string): readonly ReadyTest[] {
    for (const { test } of tests) this.tell(test.name, { outcome: "not run", problems: [why] });
    return [];
  }

  private boot(tests: readonly ReadyTest[]): Promise<GuestResult> {
    const { report, boot_ms, silence_ms, stop } = this.options;
    const tests_ms = Object.fromEntries(tests.map(({ test }) => [test.name, test.seconds_max * 1000]));
    report("booting");
    return runGuest(this.kernel, {
      files: Object.assign({}, ...tests.map(({ ready }) => ready.files)) as PreparedTest["files"],
      steps: [...watchSteps(tests), ...tests.flatMap(({ test, ready }) => [step("test", test.name), ...ready.steps])],
      ...MACHINE,
      ...(boot_ms !== undefined && { boot_ms }), // else one that stands still boots once more
      ...(silence_ms !== undefined && { silence_ms }),
      ...(stop && { stop }),
      tests_ms,
      timeout_ms: Object.values(tests_ms).reduce((sum, ms) => sum + ms, boot_ms ?? BOOT_MS_MAX),
      onTest: report,
    });
  }

  private async judge({ test, ready, modules }: ReadyTest, part: Part, guest: GuestResult, lost: readonly KernelReport[]): Promise<void> {
    const leaked = lost.map((report): Problem => ({ kind: "test", message: `The kernel reported: ${report.title}`, report }));
    const problems = [...guest.problems.filter((problem) => problem.test === test.name), ...leaked];
    // Steps that did not all succeed sent half of what there is to judge, or nothing.
    const isWhole = !problems.some((problem) => problem.report === undefined);
    const checked: Checked = isWhole ? await ready.check(part) : { problems: [] };
    const more = checked.problems.map((message): Problem => ({ kind: "test", message }));
    const said = Object.entries(part.outputs).map(([name, { stdout, stderr }]): Artefact => ({ name: `${name}.log`, contents: stdout + stderr }));
    const sent = [...part.files].map(([path, contents]): Artefact => ({ name: path.replace(/^\//, ""), contents }));
    await this.tellTest({
      test: test.name,
      guest,
      problems: [...problems, ...more],
      facts: { ms: part.ms, figures: checked.figures ?? {} },
      modules,
      artefacts: [...said, ...sent, ...(checked.artefacts ?? [])],
    });
  }

  private async tellTest({ test, guest, problems, facts, modules = {}, artefacts = [] }: Told): Promise<void> {
    const outcome: Outcome = problems.length === 0 ? "ok" : problems.every(({ kind }) => kind === "environment") ? "environment" : "failed";
    const kept = outcome === "ok" ? [] : [{ name: "console.log", contents: guest.console }, ...artefacts];
    const reports = await Promise.all(problems.flatMap(({ report }) => (report ? [this.reportText(report, modules)] : [])));
    this.tell(test, { ...facts, outcome, problems: problems.map(({ message }) => message), reports, artefacts: kept });
  }

  /** With source lines, as far as there is debug information. */
  private async reportText(report: KernelReport, modules: ReadyTest["modules"]): Promise<string> {
    const { vmlinux, architecture } = this.kernel;
    const addr2line = await crossAddr2line(architecture);
    const files = { modules, ...(vmlinux !== undefined && { vmlinux }), ...(addr2line !== undefined && { addr2line }) };
    return (await symboliseReport(report, files)).text;
  }

  private tell(test: string, facts: Partial<TestResult> & Pick<TestResult, "outcome">): void {
    this.options.onResult(resultOf(this.kernel.name, test, facts));
  }
}

/** Up to the first report after which the kernel's own checks are off: what came then is run again in a new guest. */
function partsToTrust(guest: GuestResult): readonly Part[] {
  const end = guest.tests.findIndex(({ test }) => guest.problems.some((problem) => problem.test === test && problem.report && endsTrust(problem.report)));
  return end < 0 ? guest.tests : guest.tests.slice(0, end + 1);
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
