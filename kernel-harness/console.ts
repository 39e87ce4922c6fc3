/**
 * What the kernel's console says went wrong. Pure: text in, findings out.
 *
 * Siblings: titles.ts says which of them are the same; symbolise.ts gives their frames file and line.
 */
import { titleOf } from "./titles.ts";

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

/** Kinds after which the kernel does without lockdep, if it goes on at all: it takes its own state for damaged. */
const ENDS_TRUST: ReadonlySet<KernelReportKind> = new Set(["lockdep", "KASAN", "oops", "BUG", "panic"]);

/** Whether the kernel's silence says nothing in the rest of this guest: its own checks are off. */
export function endsTrust({ kind }: KernelReport): boolean {
  return ENDS_TRUST.has(kind);
}

/** Says where; before it, between scissors and it, stands what. Newer kernels name the CPU last. */
const CUT = /^WARNING: (?:CPU: \d+ PID: \d+ at |(?:\S+:\d+ )?at \S+(?::\d+|\+0x[0-9a-f]+))|^[Kk]ernel BUG at \S/;
/** The kernel died for the n-th time: its vector, error code or signal comes before. */
const DIED = /^\w.{0,200}?(?:: [0-9a-f]{4,16}|, sig: \d+|\bBUG|\bOops)(?: ilc:\d+)? \[#\d+\]/;
/** What a WARN or a BUG says: it comes before the line that says where, or before scissors. */
const SAID = /^(?:list_add|list_del) (?:corruption|double)|^refcount_t: |^ODEBUG: |^DEBUG_LOCKS_WARN_ON/;
/** A BUG that few know. Any text may begin so: it is one if calls follow. */
const DOUBTFUL = /^BUG: /;

/**
 * How the lines begin that name a fault, the more special first.
 *
 * Anchored behind the time stamp, and as strict as kernels allow: programs print there, too.
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
  ["stall", /^INFO: rcu_\w+ |^rcu: INFO: rcu_\w+ .*(?:stall|expedited stalls)|^(?:NMI )?watchdog: (?:CPU ?\d+: Watchdog |CPU ?\d+ (?:self-)?|Watchdog )detected hard LOCKUP/],
  ["hung task", /^INFO: task .* blocked (?:in I\/O wait )?for more than /],
  ["leak", /^kmemleak: \d+ new /],
  ["warning", /^WARNING: (?:kernel stack|stack |can't)/],
  ["oops", /^BUG: (?:kernel NULL|unable to handle)|^kernel tried to execute |^Unable to handle kernel |^Internal error: .*\[#\d+\]/],
  ["oops", /^SError Interrupt on CPU\d|^Bad mode in .* handler|^Unhandled .* exception on CPU\d/],
  ["BUG", /^[Kk]ernel BUG at \S/],
  ["oops", DIED],
  ["BUG", /^BUG: (?:Bad (?:page|rss-counter) |non-zero pgtables_bytes|KMSAN: |(?:spin|rw)lock |stack guard |(?:TASK|IRQ) stack )|^BUG .{1,64} \((?:Not t|T)ainted.*\): |^kmem_cache_destroy \S+: Slab cache still has/],
  ["BUG", DOUBTFUL],
  ["warning", CUT],
  ["warning", SAID],
  ["out of memory", /^Out of memory: |^Memory cgroup out of memory: |^\S.{0,32}: page allocation failure: order:\d/],
  ["fault of a program", /^traps: .* (?:general protection|trap |int3|divide error)|^\S+\[\d+\]: segfault at /],
  ["panic", /^Kernel panic - /],
];

/** Those that are told in one line. */
const SINGLE = /^kmemleak: |: segfault at |^traps: |^WARNING: (?:kernel stack|stack |can't)|^INFO: lockdep is turned off|^BUG: (?:Bad rss-counter|non-zero pgtables_bytes)/;

/** They name nothing new if they stand in a report: whoever prints calls may say so. */
const ASIDE = /^INFO: lockdep is turned off|^WARNING: (?:kernel stack|stack |can't)/;

const FENCE = /^={20,}$/;
const SCISSORS = /^-+\[ cut here \]-+$/;
const TRACE_END = /^---\[ end /;
const CALLS = /^Call [Tt]race:$/;
const CALLS_TAG = /^<(?!\/)\w+>$/;
const CALLS_END = /^<\/TASK>$/;
/** s390 has the address before the name, and both in brackets where it is not sure. */
const FRAME = /^\(?\[<[^>]*>\]|^(?:\? )?(?:\([^)]*\) )?[\w.]+\+0x[0-9a-f]+\/0x[0-9a-f]+/;
/** What comes between the line that names a warning and its calls: nothing after it names it better. */
const BODY = /^Modules linked in:|^CPU: \d+|^Call [Tt]race:/;
/** The lines of other CPUs that the watcher of a stall asks for. */
const BACKTRACE = /^NMI backtrace for cpu /;
/** Number of an oops. */
const NUMBERED = /\[#\d+\]/;
/** What was tried, and the fault that it was. */
const TRIED = /^kernel tried to execute /;
const FAULT = /^BUG: unable to handle /;
/** What a machine does after an oops says nothing new. */
const AFTER_OOPS = /^Kernel panic - not syncing: (?:Fatal exception|.*SError|Unhandled exception|bad mode|Attempted to kill)/;
/** What the guest's init writes when a test begins: guest/job.c. */
const TEST = /^stp-test:\s*(.*)$/;
/** What session.ts puts in place of bytes that it left out. */
const GAP = /^\[\d+ bytes left out\]$/;

/** What the console reports, in the order in which it was named; of each test each title once. */
export function kernelReports(console: string): KernelReport[] {
  const reports = new Map<string, KernelReport>();
  for (const found of new Assembler().take(console)) {
    if (isDoubtful(found)) continue;
    const line = found.lines[found.name] ?? "";
    const title = titleOf(line, found.lines);
    const key = `${found.test ?? ""}\n${title}`;
    const known = reports.get(key);
    if (known) reports.set(key, { ...known, count: known.count + 1 });
    else if (reports.size < REPORTS_MAX) reports.set(key, { kind: found.kind, title, line, text: found.lines.join("\n"), count: 1, test: found.test });
  }
  return [...reports.values()];
}

/** The tests that the console says have begun. */
export function testsOnConsole(console: string): Set<string> {
  return new Set(console.split(/\r?\n/).flatMap((line) => TEST.exec(line.replace(STAMP, ""))?.[1]?.trim() || []));
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
      if (test) this.mark(stamp?.[1] ?? "", test[1] || undefined);
      else if (GAP.test(text)) this.gap();
      else this.line(stamp?.[1] ?? "", text);
    }
    return this.found;
  }

  /** Whoever writes the mark has come to the end of all that it printed. */
  private mark(caller: string, test: string | undefined): void {
    this.streams.delete(caller);
    this.test = test;
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
  if (found.settled) return;
  const kind = nameOf(line);
  if (kind !== undefined && found.kind === "warning") found.kind = kind;
  // Scissors name nothing: what comes next does, until something is known.
  if (kind !== undefined || SCISSORS.test(lineNaming(found))) found.name = found.lines.length - 1;
  found.settled = CUT.test(line) || BODY.test(line);
}

/** The line that names it, so far. */
function lineNaming(found: Found): string {
  return found.lines[found.name]?.trim() ?? "";
}

/** Anybody may print such a line, but not calls. */
function isDoubtful(found: Found): boolean {
  const line = lineNaming(found);
  return found.calls === "none" && NAMES.find(([, begin]) => begin.test(line))?.[1] === DOUBTFUL;
}

/** Whether the line is none of the report's. */
function endsBefore(found: Found, line: string): boolean {
  const names = nameOf(line) !== undefined;
  if (!found.settled && goesOn(found, line, names)) return false;
  if (names && !ASIDE.test(line)) return !isPartOf(found, line);
  if (SCISSORS.test(line)) return true;
  if (found.end === "fence") return false;
  if (FENCE.test(line)) return true;
  return found.end === "calls" && found.calls === "plain" && FRAME.test(found.lines.at(-1)?.trim() ?? "") && !FRAME.test(line);
}

/** Of a report that may get a better name: scissors come once, behind what was said. */
function goesOn(found: Found, line: string, names: boolean): boolean {
  return SCISSORS.test(line) ? !found.lines.some((known) => SCISSORS.test(known.trim())) : names;
}

/** An oops is named before the line that numbers it, and the machine may end with it. */
function isPartOf(found: Found, line: string): boolean {
  if (found.kind !== "oops" && found.kind !== "BUG") return false;
  return AFTER_OOPS.test(line) || (NUMBERED.test(line) && !found.lines.some((known) => NUMBERED.test(known))) || (TRIED.test(lineNaming(found)) && found.lines.length === 1 && FAULT.test(line));
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
