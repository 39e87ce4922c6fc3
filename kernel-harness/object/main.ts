/**
 * `npm run object`: the deepest stack of each public call, and the kernel's functions that probes reach, from the compiled module.
 *
 * `--json` prints the same as JSON. Exit 1 if the object is refused, 2 if it cannot be built or read.
 */
import { parseArgs } from "node:util";
import { exitAs } from "../command.ts";
import { shownPath, type ObjectReport } from "./analyse.ts";
import { analyseRuntime } from "./build.ts";

function asTable({ calls, kernel_functions, limit, problems }: ObjectReport): string {
  const over = calls.filter((call) => call.stack_bytes > limit).length;
  return [
    `bytes of stack of each call, deepest way; at most ${limit}`,
    ...calls.map(({ name, stack_bytes, path }) => `${String(stack_bytes).padStart(5)}${stack_bytes > limit ? "!" : " "} ${name.padEnd(30)} ${shownPath(path)}`),
    "",
    "functions of the kernel that probe context reaches, and from where",
    ...kernel_functions.map(({ name, reached_from, allowed }) => ` ${allowed ? " " : "!"} ${name.padEnd(33)} ${shortList(reached_from)}`),
    "",
    ...problems,
    `${calls.length} calls, deepest ${calls[0]?.stack_bytes ?? 0} bytes, ${over} over ${limit}; ${kernel_functions.length} functions of the kernel; ${problems.length} problems`,
    "",
  ].join("\n");
}

const SHOWN_MAX = 4; // names in a list for people; --json has all

function shortList(names: readonly string[]): string {
  const rest = names.length - SHOWN_MAX;
  return `${names.slice(0, SHOWN_MAX).join(" ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
  const report = await analyseRuntime({ report: (line) => void process.stderr.write(`${line}\n`) });
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : asTable(report));
  return report.problems.length === 0 ? 0 : 1;
}

await exitAs(main);
