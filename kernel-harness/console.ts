/**
 * What the kernel's console says went wrong. Pure: text in, findings out.
 *
 * Siblings: titles.ts says which of them are the same; symbolise.ts gives their frames file and line.
 */
import { titleOf } from "./titles.ts";

/** Most findings that are told one by one. */
const FINDINGS_MAX = 10;
/** Lines and distinct reports kept of a console that has no end of them. */
const REPORT_LINES_MAX = 200;
const REPORTS_MAX = 100;

/** `[    1.234567] ` and, with CONFIG_PRINTK_CALLER, `[    T1] `: who printed. Serial drivers end lines with \r\n. */
const STAMP = /^\s*\[\s*\d+\.\d+\] ?(?:\[\s*([TC]\d+)\] ?)?/;

export type KernelReportKind =
  "KASAN" | "KCSAN" | "KFENCE" | "UBSAN" | "lockdep" | "atomic sleep" | "leak" | "oops" | "BUG" | "warning" | "panic" | "hung task" | "stall" | "out of memory" | "fault of a program";

/** One bug that the kernel named. */
export interface KernelReport {
  readonly kind: KernelReportKind;
  /** The same for the same bug: without addresses, pids, CPUs and times. */
  readonly title: string;
  /** The line that names it, as the kernel printed it. */
  readonly line: string;
  /** The first of its reports from its first line to its last, without time stamps; at most 200 lines. */
  readonly text: string;
  /** Reports with this title in this test. */
  readonly count: number;
  /** The test that ran when it began. */
  readonly test: string | undefined;
}

/**
 * How the lines begin that name a fault, the more special first.
 *
 * Anchored behind the time stamp: a text that merely mentions a BUG is none.
 */
const NAMES: readonly (readonly [KernelReportKind, RegExp])[] = [
  ["KASAN", /^BUG: KASAN: /],
  ["KCSAN", /^BUG: KCSAN: /],
  ["KFENCE", /^BUG: KFENCE: |^KFENCE: /],
  ["UBSAN", /^UBSAN: /],
  ["atomic sleep", /^BUG: (?:sleeping function called|scheduling while atomic|using \S+ in preemptible)/],
  ["lockdep", /^WARNING: (?:possible |suspicious |inconsistent |bad unlock|nested lock|held lock|lock held|.*lock order|Nested lock|.*still (?:has|in))/],
  ["lockdep", /^\[ BUG: |^INFO: (?:lockdep is turned off|trying to register non-static key|possible )|^DEBUG_LOCKS_WARN_ON|^BUG: (?:MAX_LOCK|MAX_LOCKDEP|MAX_STACK_TRACE|looking up invalid|key \S+ )/],
  ["stall", /^(?:watchdog: )?BUG: (?:soft lockup|workqueue lockup|spinlock lockup)/],
  ["stall", /^INFO: rcu_\w+ |^rcu: INFO: rcu_\w+ .*(?:stall|expedited stalls)|^(?:NMI )?watchdog: Watchdog detected hard LOCKUP/],
  ["hung task", /^INFO: task .* blocked for more than /],
  ["leak", /^kmemleak: \d+ new /],
  ["warning", /^WARNING: (?:CPU: \d+|kernel stack|stack |can't|at )/],
  ["oops", /^BUG: (?:kernel NULL|unable to handle|Bad )|^kernel tried to execute |^Unable to handle kernel |^Internal error: /],
  ["oops", /^(?:Oops|general protection fault|double fault|invalid opcode|divide error|stack segment|int3|alignment check|kernel stack overflow)\b.*(?:\[#\d+\]|: [0-9a-f]{4})/],
  ["BUG", /^(?:watchdog: )?BUG: |^kernel BUG at /],
  ["warning", /^(?:list_add|list_del) (?:corruption|double)|^refcount_t: |^=+\[ cut here \]|^ODEBUG: /],
  ["out of memory", /^Out of memory: |^Memory cgroup out of memory: |.*: page allocation failure: /],
  ["fault of a program", /^traps: .* (?:general protection|trap |int3|divide error)|^\S+\[\d+\]: segfault at /],
  ["panic", /^Kernel panic - /],
];

/** Those that are told in one line. */
const SINGLE = /^kmemleak: |: segfault at |^traps: |^WARNING: (?:kernel stack|stack |can't)|^INFO: lockdep is turned off/;
/** Those that come before the line that names, or before scissors: what a WARN or a BUG says. */
const SAID = /^(?:list_add|list_del) |^refcount_t: |^ODEBUG: |^DEBUG_LOCKS_WARN_ON/;

/** It names nothing new if it stands in a report. */
const ASIDE = /^INFO: lockdep is turned off/;

const FENCE = /^={20,}$/;
const SCISSORS = /^-+\[ cut here \]-+$/;
const CUT = /^WARNING: CPU|^kernel BUG at /;
const TRACE_END = /^---\[ end /;
const CALLS = /^Call [Tt]race:$/;
const CALLS_TAG = /^<(?!\/)\w+>$/;
const CALLS_END = /^<\/TASK>$/;
const FRAME = /^(?:\? )?(?:\([^)]*\) )?[\w.]+\+0x[0-9a-f]+\/0x[0-9a-f]+/;
/** The lines of other CPUs that the watcher of a stall asks for. */
const BACKTRACE = /^NMI backtrace for cpu /;
/** What a machine does after an oops says nothing new. */
const AFTER_OOPS = /^Kernel panic - not syncing: Fatal exception/;
/** What the guest's init writes when a test begins and when it ends. */
const TEST = /^stp-test:\s*(.*)$/;
/** What session.ts puts in place of bytes that it left out. */
const GAP = /^\[\d+ bytes left out\]$/;

/** Lines of the console that report a fault, without their time stamps; each once, at most a few. */
export function findKernelReports(console: string): string[] {
  const lines = console.split(/\r?\n/).map((line) => line.replace(STAMP, "").trim());
  const reports = [...new Set(lines.filter((line) => nameOf(line) !== undefined))];
  const rest = reports.length - FINDINGS_MAX;
  return rest > 0 ? [...reports.slice(0, FINDINGS_MAX), `and ${rest} more`] : reports;
}

/** What the console reports, in the order in which it was named; of each test each title once. */
export function kernelReports(console: string): KernelReport[] {
  const reports = new Map<string, KernelReport>();
  for (const found of new Assembler().take(console)) {
    const line = found.lines[found.name] ?? "";
    const title = titleOf(line, found.lines);
    const key = `${found.test ?? ""}\n${title}`;
    const known = reports.get(key);
    if (known) reports.set(key, { ...known, count: known.count + 1 });
    else if (reports.size < REPORTS_MAX) reports.set(key, { kind: found.kind, title, line, text: found.lines.join("\n"), count: 1, test: found.test });
  }
  return [...reports.values()];
}

function nameOf(line: string): KernelReportKind | undefined {
  return NAMES.find(([, begin]) => begin.test(line))?.[0];
}

/** How a report ends: with a second fence, with its "end trace", with its calls, or with its first line. */
type End = "fence" | "trace" | "calls" | "line";

interface Found {
  kind: KernelReportKind;
  /** Index of the line that names it. */
  name: number;
  /** Whether a later line may name it better. */
  settled: boolean;
  end: End;
  calls: "none" | "plain" | "tagged";
  readonly lines: string[];
  readonly test: string | undefined;
}

/** Lines of one context, which are in order, whatever others print between them. */
interface Stream {
  /** The last line: it may be the first of a report. */
  last: string;
  open: Found | undefined;
  oops: Found | undefined;
}

/** From lines, which several CPUs may print at once, to reports. */
class Assembler {
  private readonly streams = new Map<string, Stream>();
  private readonly found: Found[] = [];
  private test: string | undefined;

  take(console: string): Found[] {
    for (const line of console.split(/\r?\n/)) {
      const stamp = STAMP.exec(line);
      const text = line.slice(stamp?.[0].length ?? 0).trimEnd();
      const test = TEST.exec(text);
      if (test) this.test = test[1] || undefined;
      else if (GAP.test(text)) this.gap();
      else this.line(stamp?.[1] ?? "", text);
    }
    return this.found;
  }

  /** Nothing is known of what was left out. */
  private gap(): void {
    this.streams.clear();
    this.test = undefined;
  }

  private line(caller: string, text: string): void {
    const line = text.trim();
    const stream = this.streams.get(caller) ?? { last: "", open: undefined, oops: undefined };
    this.streams.set(caller, stream);
    if (stream.open && endsBefore(stream.open, line)) stream.open = undefined;
    if (stream.open) extend(stream.open, text);
    else this.begin(stream, text);
    if (stream.open && endsWith(stream.open, line)) stream.open = undefined;
    stream.last = line;
  }

  private begin(stream: Stream, text: string): void {
    const line = text.trim();
    if (stream.oops && AFTER_OOPS.test(line)) return keep(stream.oops, text);
    const stall = BACKTRACE.test(line) ? this.found.findLast(({ kind }) => kind === "stall") : undefined;
    if (stall) {
      stream.open = { ...stall, calls: "none", end: "calls" }; // it goes on in another context
      return keep(stall, text);
    }
    const kind = SCISSORS.test(line) ? "warning" : nameOf(line);
    if (kind === undefined) return;
    const lines = FENCE.test(stream.last) ? [stream.last, text] : [text];
    const found: Found = { kind, name: lines.length - 1, settled: !SCISSORS.test(line) && !SAID.test(line), end: endOf(kind, line, lines.length > 1), calls: "none", lines, test: this.test };
    this.found.push(found);
    stream.open = found;
    if (kind === "oops" || kind === "BUG") stream.oops = found;
  }
}

function endOf(kind: KernelReportKind, line: string, fenced: boolean): End {
  if (SINGLE.test(line)) return "line";
  if (fenced && ["KASAN", "KCSAN", "KFENCE", "UBSAN"].includes(kind)) return "fence";
  return SCISSORS.test(line) || SAID.test(line) || CUT.test(line) || kind === "oops" || kind === "panic" ? "trace" : "calls";
}

function extend(found: Found, text: string): void {
  const line = text.trim();
  keep(found, text);
  if (CALLS.test(line)) found.calls = "plain";
  else if (found.calls === "plain" && CALLS_TAG.test(line)) found.calls = "tagged";
  const kind = found.settled ? undefined : nameOf(line);
  if (kind === undefined) return;
  if (found.kind === "warning") found.kind = kind;
  found.name = found.lines.length - 1;
  found.settled = CUT.test(line);
}

/** Whether the line is none of the report's. */
function endsBefore(found: Found, line: string): boolean {
  if (found.end === "fence" || (!found.settled && (SCISSORS.test(line) || nameOf(line) !== undefined))) return false;
  if (FENCE.test(line) || SCISSORS.test(line)) return true;
  if (found.end === "trace") return false;
  return (nameOf(line) !== undefined && !ASIDE.test(line)) || (found.calls === "plain" && FRAME.test(found.lines.at(-1)?.trim() ?? "") && !FRAME.test(line));
}

/** Whether the line is the report's last. */
function endsWith(found: Found, line: string): boolean {
  switch (found.end) {
    case "line":
      return true;
    case "fence":
      return found.lines.length > 2 && FENCE.test(line);
    case "trace":
      return TRACE_END.test(line);
    case "calls":
      return CALLS_END.test(line);
  }
}

function keep(found: Found, text: string): void {
  if (found.lines.length < REPORT_LINES_MAX) found.lines.push(text);
}
