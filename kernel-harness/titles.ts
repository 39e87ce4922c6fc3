/**
 * Titles of kernel reports: equal for equal bugs. No address, offset, pid, CPU or time is in one. Pure.
 *
 * Sibling: console.ts finds the reports.
 */

/** What differs between two reports of one bug, and what stands for it. In this order. */
const VARIES: readonly (readonly [RegExp, string])[] = [
  [/\b(kworker|ksoftirqd|migration|swapper|cpuhp|rcuc|rcuo\w|ktimers|irq_work)\/[\w:]+/g, "$1"],
  [/\bCPU: \d+ PID: \d+ (?:Comm: \S+ )?/g, ""],
  [/, CPU#\d+: \S+\/\d+$/, ""],
  [/\bCPU ?\d+:? /g, ""],
  [/(?:: [0-9a-f]{4,16})?(?: ilc:\d+)? \[#\d+\].*$/, ""],
  [/ \((?:Not t|T)ainted[^)]*\)/, ""],
  [/ for non-canonical address 0x[0-9a-f]+/g, " for non-canonical address"],
  [/,? (?:for |at )?(?:address|virtual address|addr):? (?:0x)?[0-9a-f]+\b/g, ""],
  [/\+0x[0-9a-f]+(?:\/0x[0-9a-f]+)?/g, ""],
  [/\/0x[0-9a-f]+\b/g, ""],
  [/ at [0-9a-f]+ ip [0-9a-f]+ sp [0-9a-f]+ error [0-9a-f]+/, ""],
  [/\s+(?:pfn|pte|pmd|mm|val|ip|sp|error): ?-?(?:0x)?[0-9a-f]+\b/g, ""],
  [/\[[0-9a-f]+\+[0-9a-f]+\]/g, ""],
  [/\b0x[0-9a-f]+\b|\b[0-9a-f]{12,16}\b/g, "ADDRESS"],
  [/\bKilled process \d+ /g, "Killed process "],
  [/ total-vm:.*$/, ""],
  [/\b(on CPUs?)\d*\b.*$/, "$1"],
  [/\bCPU#\d+/g, "CPU"],
  [/\bcpu(s=| )\d+(-\d+)?/g, "cpu$1N"],
  [/\bfor \d+s?!/g, "for long!"],
  [/\bfor more than \d+ seconds\b/g, "for long"],
  [/(\S):\d+\]/g, "$1]"],
  [/\btask (\S+):\d+ /g, "task $1 "],
  [/(: \w\S*)\/\d+(?=$|\s|\/)/g, "$1"],
  [/^((?:traps: )?[^\s[]+)\[\d+\]/, "$1"],
  [/\bkmemleak: \d+ /g, "kmemleak: "],
];

/** Reports whose first line says where it happened. */
const SAYS_WHERE = /^(?:BUG: K|KFENCE: |UBSAN: ).* in \S|\bat \S+:\d+ \S|\S:\d+ at \S/;
/** Those that say what before they say where. */
const SAYS_WHAT_FIRST = /^WARNING: (?:CPU|\S+:\d+ at |at )|^[Kk]ernel BUG at /;

/** The title of a report that `line` names; `lines` are all of it. */
export function titleOf(line: string, lines: readonly string[]): string {
  const title = withoutWhatVaries(line);
  const where = SAYS_WHERE.test(line) ? undefined : whereOf(lines);
  const message = SAYS_WHAT_FIRST.test(line) ? messageOf(line, lines) : undefined;
  return `${title}${where === undefined ? "" : ` in ${where}`}${message === undefined ? "" : `: ${withoutWhatVaries(message).replace(/\b\d+/g, "N")}`}`;
}

function withoutWhatVaries(line: string): string {
  return VARIES.reduce((text, [what, by]) => text.replace(what, by), line).trim();
}

/** What a WARN or a BUG with a text says: it comes before the line that says where. */
function messageOf(line: string, lines: readonly string[]): string | undefined {
  return lines.slice(0, lines.indexOf(line)).find((text) => text !== "" && !/^[-=]+(?:\[.*\])?[-=]*$/.test(text));
}

/** The function that ran, if that is said; and the innermost of a module in the calls. */
function whereOf(lines: readonly string[]): string | undefined {
  const calls = lines.findIndex((text) => /^Call [Tt]race:/.test(text.trim())); // after it, a RIP is that of who was interrupted
  const ran = functionIn(lines.slice(0, calls < 0 ? undefined : calls), /^(?:RIP: 00[01]\d:|EIP: |pc : |PC is at |Krnl PSW : \w+ \w+ \()([^\s+]+)\+0x[0-9a-f]+\/0x[0-9a-f]+( \[\w+\])?/);
  const called = functionIn(lines, /^(?:\(?\[<[^>]*>\] )?([\w.]+)\+0x[0-9a-f]+\/0x[0-9a-f]+( \[\w+\])/);
  return ran === undefined || called === undefined || ran === called ? (ran ?? called) : `${ran} from ${called}`;
}

function functionIn(lines: readonly string[], frame: RegExp): string | undefined {
  const [, name, module = ""] = lines.map((text) => frame.exec(text.trim())).find((match) => match) ?? [];
  return name === undefined ? undefined : `${name}${module}`;
}
