/**
 * How fast a recording becomes text: `npx tsx stpd/post/bench/throughput.ts [--json] [--keep DIRECTORY] [MB]`.
 *
 * Makes a recording on disk (104-byte records, 4 CPUs, 1 % with a backtrace, 150,000 functions) and prints it by the real
 * command; and beside it, in the same run, the same lines by babeltrace2 out of a CTF trace, and by sort -m out of text.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { StpError } from "../../../spec/errors.ts";
import { PROJECT_ROOT } from "../../../spec/runtime.ts";
import { makeRecording, type Made } from "./recording.ts";

/** Each once more than is counted: the first run warms the page cache. */
const RUNS = 3;
const RUN_MS_MAX = 1_200_000;
const MEGABYTES_DEFAULT = 200;

interface Run {
  readonly wall_s: number;
  readonly cpu_s: number;
  /** KiB. */
  readonly resident_max: number;
}

interface Row {
  readonly name: string;
  readonly command: string;
  /** The median of RUNS by wall time; undefined and why, if the program is not there. */
  readonly run?: Run;
  readonly skipped?: string;
}

/** `command` under time(1), its stdout in a file. */
function measure(command: string, directory: string): Run {
  const times = join(directory, "times");
  execFileSync("/usr/bin/time", ["-f", "%e %U %S %M", "-o", times, "sh", "-c", `exec ${command}`], { timeout: RUN_MS_MAX, stdio: ["ignore", "ignore", "inherit"] });
  const [wall_s, user_s, system_s, resident_max] = readFileSync(times, "utf8").trim().split(" ").map(Number) as [number, number, number, number];
  return { wall_s, cpu_s: user_s + system_s, resident_max };
}

function median(command: string, directory: string): Run {
  measure(command, directory);
  const runs = Array.from({ length: RUNS }, () => measure(command, directory)).sort((a, b) => a.wall_s - b.wall_s);
  return runs[Math.floor(RUNS / 2)]!;
}

function rowsOf(made: Made, directory: string): readonly Row[] {
  const out = join(directory, "out");
  const commands = [
    { name: "stp post", needs: "node", command: `${join(PROJECT_ROOT, "stp")} post ${made.recording} -o ${out}` },
    { name: "babeltrace2", needs: "babeltrace2", command: `babeltrace2 ${made.ctf} > ${out}` },
    { name: "sort -m", needs: "sort", command: `env LC_ALL=C sort -m ${made.texts.join(" ")} -o ${out}` },
  ];
  return commands.map(({ name, needs, command }) => {
    if (!isThere(needs)) return { name, command, skipped: `there is no ${needs}; on Debian: apt-get install ${needs}` };
    return { name, command, run: median(command, directory) };
  });
}

function isThere(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}

function table(made: Made, rows: readonly Row[]): string {
  const ours = rows[0]!.run!;
  const lines = rows.map(({ name, run, skipped }) => {
    if (!run) return `${name.padEnd(12)} SKIPPED: ${skipped}`;
    const numbers = [run.wall_s.toFixed(2), run.cpu_s.toFixed(2), (made.bytes / 1e6 / run.wall_s).toFixed(0), (made.bytes / 1e6 / run.cpu_s).toFixed(0), (made.records / 1e6 / run.wall_s).toFixed(2), (run.resident_max / 1024).toFixed(0), (run.wall_s / ours.wall_s).toFixed(2)];
    return name.padEnd(12) + numbers.map((number) => number.padStart(10)).join("");
  });
  return [
    `${cpus()[0]?.model ?? "unknown processor"}, node ${process.version}; ${made.bytes} bytes, ${made.records} records; median of ${RUNS} runs, page cache warm`,
    "MB/s are of the recording's bytes, for all: the lines are the same.",
    "".padEnd(12) + ["wall s", "CPU s", "MB/s wall", "MB/s CPU", "M lines/s", "max MiB", "times ours"].map((head) => head.padStart(10)).join(""),
    ...lines,
    "",
  ].join("\n");
}

function main(args: readonly string[]): void {
  const keep = args.includes("--keep") ? args[args.indexOf("--keep") + 1] : undefined;
  const megabytes = Number(args.find((arg) => /^\d+$/.test(arg)) ?? MEGABYTES_DEFAULT);
  if (!existsSync("/usr/bin/time")) throw new StpError("Cannot measure: there is no /usr/bin/time; on Debian: apt-get install time");
  if (keep !== undefined) mkdirSync(keep, { recursive: true });
  const directory = keep ?? mkdtempSync(join(tmpdir(), "stp-bench-"));
  try {
    const made = makeRecording(directory, megabytes * 1e6);
    const rows = rowsOf(made, directory);
    process.stdout.write(args.includes("--json") ? `${JSON.stringify({ machine: cpus()[0]?.model, node: process.version, bytes: made.bytes, records: made.records, runs: RUNS, rows })}\n` : table(made, rows));
  } finally {
    if (keep === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

main(process.argv.slice(2));
