/** stp explore: every schedule of a C file with two or more contexts, up to a bound. */
import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { messageOf, StpError } from "../spec/errors.ts";
import { runtimeSources } from "../spec/runtime.ts";
import { compileExplored, exploredCases, type ExploredCase, type ExploredSource } from "../sim/explored.ts";
import { depthFirst } from "../sim/explore/depth-first.ts";
import { explore, failureOf, type ExploreFailure, type ExploreResult } from "../sim/explore/explore.ts";
import { pct, uniform } from "../sim/explore/random.ts";
import type { Picture } from "../sim/picture.ts";
import { runSchedule } from "../sim/run.ts";
import { formatSchedule, parseSchedule } from "../sim/schedule.ts";
import { shrinkSchedule } from "../sim/shrink-schedule.ts";
import { readSite } from "../sim/sites.ts";
import { asGiven, pictureLines, pictureOf, quoted, sourcesWith, writeHtml } from "./failure.ts";
import { beginProgress, wholeNumber, type Progress } from "./terminal.ts";

const BOUND_MAX = 8;
const DELAYS_MAX = 8;
const SCHEDULES_MAX = 100_000_000;
const LEVELS = ["-O0", "-O1", "-O2"] as const;
/** Changes of mind in a random run. */
const RANDOM_CHANGES = 3;

interface ExploreCommandOptions {
  readonly case?: string;
  readonly bound: number;
  readonly delays: number;
  readonly schedules: number;
  readonly random: number;
  readonly seed: number;
  readonly level: (typeof LEVELS)[number];
  readonly races: boolean;
  readonly schedule?: string;
  readonly html?: string;
  readonly json?: boolean;
}

/** A failure of one case, with where it is. */
interface Reported extends ExploreFailure {
  readonly places: readonly { readonly path: string; readonly line: number; readonly what: string }[];
  readonly command: string;
}

interface CaseResult extends Omit<ExploreResult, "failures"> {
  readonly file: string;
  readonly case: string;
  readonly failures: readonly Reported[];
  readonly picture: Picture | undefined;
}

export function exploreCommand(): Command {
  return new Command("explore")
    .description("Run every schedule of a C file's cases, up to a bound, and say which fail; <stp_explore.h> tells how a case is written.")
    .argument("<file.c...>", "C files with cases")
    .option("--case <name>", "only this case")
    .option("--bound <n>", "preemptions of a schedule at most", wholeNumber(0, BOUND_MAX), 2)
    .option("--delays <n>", "stores held back in a schedule at most", wholeNumber(0, DELAYS_MAX), 1)
    .option("--schedules <n>", "schedules of a case at most", wholeNumber(1, SCHEDULES_MAX), 1_000_000)
    .option("--random <n>", "random schedules besides: half of them PCT, half uniform", wholeNumber(0, SCHEDULES_MAX), 0)
    .option("--seed <n>", "seed of the random ones", wholeNumber(0, 2 ** 31 - 1), 1)
    .addOption(new Option("--level <level>", "how clang optimises").choices(LEVELS).default("-O2"))
    .option("--no-races", "do not look for data races, only for what they lead to")
    .option("--schedule <string>", 'replay one schedule, such as "T0:2 T1:* T0"; with --case')
    .option("--html <file>", "write the picture of the first failure as a page")
    .option("--json", "print the result as JSON")
    .action(run);
}

async function run(paths: readonly string[], options: ExploreCommandOptions): Promise<void> {
  if (options.schedule !== undefined) parseSchedule(options.schedule);
  const sources = paths.map(readSource);
  const progress = beginProgress("exploring");
  const results: CaseResult[] = [];
  try {
    for (const source of sources) for (const result of await exploreFile(source, options, progress)) results.push(result);
  } finally {
    progress.end();
  }
  const [first] = results.filter((result) => result.picture);
  if (options.html !== undefined && first) writeHtml(options.html, first.picture!, sourcesWith(sources.find(({ path }) => path === first.file)!));
  process.stdout.write(options.json ? `${JSON.stringify(resultJson(results))}\n` : results.map((result) => resultText(result, sources.find(({ path }) => path === result.file)!)).join(""));
  if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;
}

function readSource(path: string): ExploredSource {
  if (!path.endsWith(".c")) throw new StpError(`Cannot explore ${path}: it is no C file; its name must end in .c`);
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (error) {
    throw new StpError(`Cannot explore ${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function exploreFile(source: ExploredSource, options: ExploreCommandOptions, progress: Progress): Promise<CaseResult[]> {
  progress.show(`compiling ${source.path}`);
  const wasm = await compileExplored(source, { runtime: runtimeSources("wasm32"), level: options.level, report: progress.show });
  const cases = await exploredCases(source.path, wasm, { races: options.races });
  const chosen = cases.filter(({ name }) => options.case === undefined || name === options.case);
  if (chosen.length === 0) throw new StpError(`Cannot explore case ${options.case} of ${source.path}: it has ${cases.map(({ name }) => name).join(", ")}`);
  if (options.schedule !== undefined && chosen.length > 1) throw new StpError(`Cannot replay: ${source.path} has the cases ${cases.map(({ name }) => name).join(", ")}; choose one by --case`);
  return chosen.map((one) => {
    progress.show(`exploring ${source.path}: ${one.name}`);
    const result = options.schedule === undefined ? search(one, options) : replay(one, options.schedule);
    return report(source, one, options, result);
  });
}

/** Fewer preemptions first, so that the first schedule of a failure is among the shortest. */
function search(one: ExploredCase, options: ExploreCommandOptions): ExploreResult {
  const { course, check } = one;
  const explorers = [
    ...Array.from({ length: options.bound + 1 }, (_, preemptions) => depthFirst({ preemptions, from: preemptions, delays: options.delays })),
    ...(options.random > 0 ? [pct, uniform].map((make) => make({ runs: Math.ceil(options.random / 2), seed: options.seed, changes: RANDOM_CHANGES })) : []),
  ];
  const total = { schedules: 0, failed: 0, failures: [] as ExploreFailure[], exhaustive: true };
  for (const explorer of explorers) {
    const left = options.schedules - total.schedules;
    if (left <= 0) return { ...total, exhaustive: false };
    const part = explore({ course, check, explorer, runs_max: left });
    total.schedules += part.schedules;
    total.failed += part.failed;
    total.exhaustive &&= part.exhaustive;
    for (const failure of part.failures) if (!total.failures.some((known) => alike(known, failure))) total.failures.push(shrunk(one, failure));
  }
  return total;
}

function alike(one: ExploreFailure, other: ExploreFailure): boolean {
  if (one.verdict !== other.verdict || one.finding?.kind !== other.finding?.kind) return false;
  const sites = (failure: ExploreFailure): string => (failure.finding?.sides ?? []).map(({ site }) => site).sort().join(" ");
  return sites(one) === sites(other);
}

/** The same failure by fewer and smaller steps. */
function shrunk(one: ExploredCase, failure: ExploreFailure): ExploreFailure {
  let best = failure;
  shrinkSchedule(parseSchedule(failure.schedule), (steps) => {
    const outcome = runSchedule(one.course, steps);
    const again = outcome.verdict === "illegal" ? undefined : failureOf(outcome, one.check);
    if (!again || !alike(again, failure)) return false;
    best = { ...again, schedule: formatSchedule(steps) };
    return true;
  });
  return best;
}

function replay(one: ExploredCase, schedule: string): ExploreResult {
  const outcome = runSchedule(one.course, schedule);
  if (outcome.verdict === "illegal") throw new StpError(`Cannot replay "${schedule}" in case ${one.name}: ${outcome.detail}`);
  const failure = failureOf(outcome, one.check);
  return { schedules: 1, failed: failure ? 1 : 0, failures: failure ? [{ ...failure, schedule }] : [], exhaustive: true };
}

function report(source: ExploredSource, one: ExploredCase, options: ExploreCommandOptions, result: ExploreResult): CaseResult {
  const failures = result.failures.map((failure): Reported => {
    const { instance } = one.course.machine;
    const sides = failure.finding?.sides ?? [];
    const places = sides.flatMap(({ site, context, cpu, what }) => {
      const at = readSite(instance, site);
      return at ? [{ path: asGiven(at.path, source.path), line: at.line, what: `${context} on CPU ${cpu} ${what}` }] : [];
    });
    const flags = `${options.level === "-O2" ? "" : ` --level ${options.level}`}${options.races ? "" : " --no-races"}`;
    return { ...failure, places, command: `./stp explore ${quoted(source.path)} --case ${one.name}${flags} --schedule "${failure.schedule}"` };
  });
  const [first] = failures;
  const picture = first && pictureOf(one.course, { title: titleOf(first), detail: first.detail, schedule: first.schedule, command: first.command }, source);
  return { ...result, file: source.path, case: one.name, failures, picture };
}

function titleOf({ verdict, finding }: ExploreFailure): string {
  return finding?.kind ?? (verdict === "completed" ? "not deterministic" : verdict);
}

function resultJson(results: readonly CaseResult[]): unknown {
  const cases = results.map(({ file, case: name, schedules, failed, exhaustive, failures }) => ({
    file,
    case: name,
    schedules,
    failed,
    exhaustive,
    failures: failures.map((failure) => ({ verdict: titleOf(failure), detail: failure.detail, schedule: failure.schedule, places: failure.places, command: failure.command })),
  }));
  return { schedules: cases.reduce((sum, { schedules }) => sum + schedules, 0), failures: cases.flatMap(({ file, case: name, failures }) => failures.map((failure) => ({ file, case: name, ...failure }))), cases };
}

function resultText(result: CaseResult, source: ExploredSource): string {
  const { file, case: name, schedules, failed, exhaustive, failures, picture } = result;
  const verdict = failed > 0 ? `${failed} failed` : exhaustive ? "none fails" : "none failed, not all were tried";
  return [
    `${file} ${name}: ${schedules} schedules, ${verdict}\n`,
    ...failures.map((failure) => [`  ${titleOf(failure)}: ${failure.detail}\n`, ...failure.places.map(({ path, line, what }) => `    ${path}:${line}: ${what}\n`), `    again: ${failure.command}\n`].join("")),
    picture ? `\n${pictureLines(picture, sourcesWith(source))}\n` : "",
  ].join("");
}
