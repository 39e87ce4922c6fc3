/**
 * Titles of kernel reports: equal for equal bugs. No address, offset, pid, CPU or time is in one. Pure.
 *
 * Sibling: console.ts finds the reports.
 */

/** What differs between two reports of one bug, and what stands for it. In this order. */
const VARIES: readonly (readonly [RegExp, string])[] = [
  [/\bCPU: \d+ PID: \d+ (?:Comm: \S+ )?/g, ""],
  [/\s*: 0000 \[#\d+\].*$|\s*: [0-9a-f]{4} \[#\d+\].*$/, ""],
  [/,? (?:for |at )?(?:address|virtual address|addr):? (?:0x)?[0-9a-f]+\b/g, ""],
  [/ for non-canonical address 0x[0-9a-f]+/g, " for non-canonical address"],
  [/\+0x[0-9a-f]+(?:\/0x[0-9a-f]+)?/g, ""],
  [/\/0x[0-9a-f]+\b/g, ""],
  [/ (?:ip|sp) [0-9a-f]+/g, ""],
  [/ error [0-9a-f]+\b/g, ""],
  [/\[[0-9a-f]+\+[0-9a-f]+\]/g, ""],
  [/\b(?:segfault) at [0-9a-f]+\b/g, "segfault"],
  [/\b0x[0-9a-f]+\b|\b[0-9a-f]{12,16}\b/g, "ADDRESS"],
  [/\bKilled process \d+ /g, "Killed process "],
  [/ total-vm:.*$/, ""],
  [/(on CPUs?|CPUs\/tasks:?) ?.*$/, "$1"],
  [/\bCPU#\d+/g, "CPU"],
  [/\bcpu(s=| )\d+(-\d+)?/g, "cpu$1N"],
  [/\bfor \d+s?!/g, "for long!"],
  [/\bfor more than \d+ seconds\b/g, "for long"],
  [/(\S):\d+\]/g, "$1]"],
  [/\btask (\S+):\d+ /g, "task $1 "],
  [/(: \w\S*)\/\d+(?=$|\s|\/)/g, "$1"],
  [/^([^\s[]+)\[\d+\]/, "$1"],
  [/\bkmemleak: \d+ /g, "kmemleak: "],
];

/** Reports whose first line says where it happened. */
const SAYS_WHERE = / in \S|\bat \S+:\d+ \S/;

/** The title of a report that `line` names; `lines` are all of it. */
export function titleOf(line: string, lines: readonly string[]): string {
  const title = VARIES.reduce((text, [what, by]) => text.replace(what, by), line).trim();
  const where = SAYS_WHERE.test(line) ? undefined : whereOf(lines);
  const message = line.startsWith("WARNING: CPU") ? messageOf(line, lines) : undefined;
  return [title, where && ` in ${where}`, message && `: ${VARIES.reduce((text, [what, by]) => text.replace(what, by), message).trim()}`].filter((part) => part).join("");
}

/** What a WARN with a text says: it comes between the line of scissors and the line that says where. */
function messageOf(line: string, lines: readonly string[]): string | undefined {
  const said = lines.slice(0, lines.indexOf(line)).find((text) => text !== "" && !/^[-=]+(?:\[.*\])?[-=]*$/.test(text));
  return said;
}

/** The function that ran, of an oops; else the innermost of a module in the calls; else nothing. */
function whereOf(lines: readonly string[]): string | undefined {
  const ran = lines.map((text) => /^(?:RIP: [0-9a-f]+:|pc : |PC is at )(\S+?)\+0x[0-9a-f]+\/0x[0-9a-f]+( \[\w+\])?/.exec(text)).find((match) => match);
  const called = lines.map((text) => /^(?:#\d+: \S+ .* at: )?([\w.]+)\+0x[0-9a-f]+\/0x[0-9a-f]+( \[\w+\])/.exec(text.trim())).find((match) => match);
  const found = ran ?? called;
  return found ? `${found[1]}${found[2] ?? ""}` : undefined;
}
