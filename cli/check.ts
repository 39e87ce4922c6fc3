/** stp check: is a probe safe? */
import { basename, dirname } from "node:path";
import { Command } from "commander";
import { StpError } from "../spec/errors.ts";
import { runtimeSources } from "../spec/runtime.ts";
import { checkProbe, type CheckResult } from "../sim/check/check.ts";
import { CHECKED_RULES, type CheckedRule, type CheckFailure } from "../sim/check/rules.ts";
import type { Picture } from "../sim/picture.ts";
import { compileProbe, type ProbeSource } from "../sim/probe.ts";
import { parseSchedule } from "../sim/schedule.ts";
import { asGiven, pictureLines, pictureOf, quoted, sourcesWith, writeHtml } from "./failure.ts";
import { findTrace, readProbe, requireKnownPoints } from "./program.ts";
import { beginProgress, wholeNumber } from "./terminal.ts";

interface CheckCommandOptions {
  readonly trace?: string;
  readonly bound: number;
  readonly runs: number;
  readonly seed: number;
  readonly scenario?: string;
  readonly schedule?: string;
  readonly html?: string;
  readonly json?: boolean;
}

/** Failures that are printed whole. */
const FAILURES_SHOWN_MAX = 3;
const BOUND_MAX = 4;
const RUNS_MAX = 1_000_000;

export function checkCommand(): Command {
  return new Command("check")
    .description("Say whether a probe is safe: alone, interrupted at every memory access, read, stopped and unloaded meanwhile.")
    .argument("<probe.c>", "the probe")
    .option("--trace <directory>", "recording whose events it meets (default: trace/ beside the probe, else made-up ones)")
    .option("--bound <n>", "preemptions of each pair of contexts that are tried everywhere", wholeNumber(0, BOUND_MAX), 1)
    .option("--runs <n>", "random runs of each crowd of contexts", wholeNumber(0, RUNS_MAX), 100)
    .option("--seed <n>", "seed of the random runs", wholeNumber(0, 2 ** 31 - 1), 1)
    .option("--scenario <name>", "with --schedule: the scenario of a failure, as printed")
    .option("--schedule <string>", 'replay one schedule, such as "T0:7 N1:* T0"')
    .option("--html <file>", "write the picture of the first failure as a page")
    .option("--json", "print the verdict as JSON")
    .action(check);
}

async function check(path: string, options: CheckCommandOptions): Promise<void> {
  const probe = readProbe(path);
  const only = replayOf(options);
  const progress = beginProgress(`checking ${path}`);
  const pictures: Picture[] = [];
  try {
    const found = await findTrace(path, options.trace);
    const { wasm } = await compileProbe(probe, runtimeSources("wasm32"), true, progress.show);
    const raw = await checkProbe({
      wasm,
      events: found?.trace.events ?? [],
      bound: options.bound,
      runs: options.runs,
      seed: options.seed,
      onProbes: (probes) => requireKnownPoints(path, probes, found),
      progress: (schedules) => progress.show(`checking ${path}: ${schedules} schedules`),
      onFailure: (failure, course) => {
        if (pictures.length < FAILURES_SHOWN_MAX) pictures.push(pictureOf(course, { title: failure.rule, detail: failure.detail, schedule: failure.schedule, command: commandOf(path, options, failure) }, probe));
      },
      ...(only ? { only } : {}),
    });
    const result = { ...raw, failures: raw.failures.map((failure) => ({ ...failure, places: failure.places.map((place) => ({ ...place, path: asGiven(place.path, path) })) })) };
    progress.end();
    if (only && result.schedules === 0) throw new StpError(`Cannot replay: ${path} has no scenario ${only.scenario}`);
    if (options.html !== undefined && pictures[0]) writeHtml(options.html, pictures[0], sourcesWith(probe));
    else if (options.html !== undefined) progress.note(result.failures.length > 0 ? "this failure has no picture, for no hit is part of it" : "nothing failed: there is no picture to write");
    process.stdout.write(options.json ? `${JSON.stringify(verdictJson(result))}\n` : verdictText(probe, options, result, pictures));
    if (result.failures.length > 0) process.exitCode = 1;
  } finally {
    progress.end();
  }
}

function replayOf(options: CheckCommandOptions): { scenario: string; schedule: string } | undefined {
  const { scenario, schedule } = options;
  if (scenario === undefined && schedule === undefined) return undefined;
  if (scenario === undefined || schedule === undefined) throw new StpError("Cannot replay: give both --scenario and --schedule, as a failure prints them");
  parseSchedule(schedule);
  return { scenario, schedule };
}

function commandOf(path: string, { trace }: CheckCommandOptions, { scenario, schedule }: CheckFailure): string {
  return `./stp check ${quoted(path)}${trace === undefined ? "" : ` --trace ${quoted(trace)}`} --scenario ${scenario} --schedule "${schedule}"`;
}

function verdictJson({ schedules, failed, scenarios, losses, loads, needs, failures }: CheckResult): unknown {
  return {
    safe: failures.length === 0,
    schedules,
    failed,
    scenarios,
    loads,
    losses,
    needs: needs.map(({ probe, ...need }) => ({ probe: `${probe.provider} ${probe.target}`.trim(), ...need })),
    rules: Object.keys(CHECKED_RULES),
    failures,
  };
}

/** Nothing was interleaved if the program has only begin and end probes: that is said, and not called safe. */
function verdictOf({ failures, needs }: CheckResult): string {
  if (failures.length > 0) return "NOT SAFE";
  return needs.length > 0 ? "safe, as far as explored" : "not explored, for it has no probe that can be interrupted";
}

function verdictText(probe: ProbeSource, options: CheckCommandOptions, result: CheckResult, pictures: readonly Picture[]): string {
  const { path } = probe;
  const name = basename(path) === "probe.c" ? basename(dirname(path)) : basename(path);
  const losses = Object.entries(result.losses).map(([cause, count]) => `${cause} ${count}`);
  const broken = new Set(result.failures.map((failure) => failure.rule));
  const width = Math.max(...Object.keys(CHECKED_RULES).map((rule) => rule.length));
  return [
    `\n${name}: ${verdictOf(result)}\n`,
    ...result.needs.map(({ probe: { provider, target }, events, actions, stack_bytes, output_bytes }) => `  ${provider} ${target}: at most ${events} events, ${actions} actions, ${stack_bytes} bytes of stack, ${output_bytes} bytes of output\n`),
    `  schedules  ${result.schedules} tried, ${result.failed} failed: each hit interrupted before each of its memory accesses by softirq, irq,\n`,
    "             nmi and another CPU; read, stopped and unloaded meanwhile; stores delayed; crowds at random\n",
    `  faults     ${result.loads} allocations failed in turn, a ring that nobody reads\n`,
    `  losses     ${losses.length === 0 ? "none" : `${losses.join(", ")} over all schedules, every one permitted and counted`}\n`,
    ...Object.entries(CHECKED_RULES).map(([rule, text]) => `  ${rule.padEnd(width)}  ${broken.has(rule as CheckedRule) ? "BROKEN" : "held  "}  ${text}\n`),
    ...result.failures.slice(0, FAILURES_SHOWN_MAX).map((failure) => failureText(probe, options, failure, pictures)),
  ].join("");
}

function failureText(probe: ProbeSource, options: CheckCommandOptions, failure: CheckFailure, pictures: readonly Picture[]): string {
  const { rule, detail, places } = failure;
  const picture = pictures.find((candidate) => candidate.schedule === failure.schedule && candidate.title === rule);
  return [
    `\n  ${rule}: ${CHECKED_RULES[rule]}\n    ${detail}\n`,
    ...places.map(({ path, line, what }) => `    ${path}:${line}: ${what}\n`),
    picture ? `\n${pictureLines(picture, sourcesWith(probe))}` : `    again: ${commandOf(probe.path, options, failure)}\n`,
  ].join("");
}
