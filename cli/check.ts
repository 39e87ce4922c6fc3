/** stp check: is a probe safe? */
import { basename, dirname } from "node:path";
import { Command } from "commander";
import { StpError } from "../spec/errors.ts";
import { runtimeSources } from "../spec/runtime.ts";
import { CHECKED_RULES, checkProbe, type CheckFailure, type CheckResult } from "../sim/check.ts";
import { compileProbe } from "../sim/probe.ts";
import { parseSchedule } from "../sim/schedule.ts";
import { findTrace, readProbe, requireKnownPoints } from "./program.ts";
import { beginProgress } from "./terminal.ts";

interface CheckOptions {
  readonly trace?: string;
  readonly scenario?: string;
  readonly schedule?: string;
  readonly json?: boolean;
}

/** Failures that are printed whole. */
const FAILURES_SHOWN_MAX = 3;

export function checkCommand(): Command {
  return new Command("check")
    .description("Interrupt every hit of a probe at every memory access, and judge each outcome.")
    .argument("<probe.c>", "the probe")
    .option("--trace <directory>", "recording whose events it meets (default: trace/ beside the probe, else made-up ones)")
    .option("--scenario <name>", "with --schedule: the scenario of a failure, as printed")
    .option("--schedule <string>", 'replay one schedule, such as "T0:7 N1:* T0"')
    .option("--json", "print the verdict as JSON")
    .action(check);
}

async function check(path: string, options: CheckOptions): Promise<void> {
  const probe = readProbe(path);
  const only = replayOf(options);
  const progress = beginProgress(`checking ${path}`);
  try {
    const found = await findTrace(path, options.trace);
    const { wasm } = await compileProbe(probe, runtimeSources("wasm32"), true, progress.show);
    const result = await checkProbe({
      wasm,
      events: found?.trace.events ?? [],
      onProbes: (probes) => requireKnownPoints(path, probes, found),
      progress: (schedules) => progress.show(`checking ${path}: ${schedules} schedules`),
      ...(only ? { only } : {}),
    });
    progress.end();
    if (only && result.schedules === 0) throw new StpError(`Cannot replay: ${path} has no scenario ${only.scenario}`);
    process.stdout.write(options.json ? `${JSON.stringify(verdictJson(result))}\n` : verdictText(path, result));
    if (result.failures.length > 0) process.exitCode = 1;
  } finally {
    progress.end();
  }
}

function replayOf(options: CheckOptions): { scenario: string; schedule: string } | undefined {
  const { scenario, schedule } = options;
  if (scenario === undefined && schedule === undefined) return undefined;
  if (scenario === undefined || schedule === undefined) throw new StpError("Cannot replay: give both --scenario and --schedule, as a failure prints them");
  parseSchedule(schedule);
  return { scenario, schedule };
}

function verdictJson(result: CheckResult): unknown {
  const losses = Object.fromEntries(Object.entries(result.losses).map(([cause, count]) => [cause, Number(count)]));
  return { safe: result.failures.length === 0, schedules: result.schedules, scenarios: result.scenarios, losses, rules: Object.keys(CHECKED_RULES), failures: result.failures };
}

/** Nothing was tried if the program has only begin and end probes: that is said, and not called safe. */
function verdictOf({ failures, schedules }: CheckResult): string {
  if (failures.length > 0) return "NOT SAFE";
  return schedules > 0 ? "safe, as far as explored" : "not explored, for it has no probe that can be interrupted";
}

function verdictText(path: string, result: CheckResult): string {
  const name = basename(path) === "probe.c" ? basename(dirname(path)) : basename(path);
  const losses = Object.entries(result.losses).map(([cause, count]) => `${cause} ${count}`);
  const broken = new Set(result.failures.map((failure) => failure.rule));
  const rules = Object.entries(CHECKED_RULES).map(([rule, text]) => `  ${rule}  ${broken.has(rule as CheckFailure["rule"]) ? "BROKEN" : "held  "}  ${text}\n`);
  return [
    `\n${name}: ${verdictOf(result)}\n`,
    `  schedules  ${result.schedules} tried, ${result.failures.length} failed: each hit interrupted before each of its memory accesses\n`,
    "             by softirq, irq, nmi and another CPU, on fresh and on used maps\n",
    `  losses     ${losses.length === 0 ? "none" : `${losses.join(", ")} over all schedules, every one permitted and counted`}\n`,
    ...rules,
    ...result.failures.slice(0, FAILURES_SHOWN_MAX).map((failure) => failureText(path, failure)),
  ].join("");
}

function failureText(path: string, { rule, detail, scenario, schedule }: CheckFailure): string {
  return `\n  ${rule}: ${CHECKED_RULES[rule]}\n    ${detail}\n    again: ./stp check ${path} --scenario ${scenario} --schedule "${schedule}"\n`;
}
