/**
 * `npm run stress [-- --seconds N] [--kernel NAME] [--nmis N] [--every-instruction] [--json]`: the runtime in task, softirq, irq and real nmi context at
 * once on four CPUs of a guest, and whether attempted = delivered + lost everywhere afterwards.
 *
 * Exit 1 if something is wrong, 2 if it could not be tried.
 */
import { parseArgs } from "node:util";
import { StpError } from "../../spec/errors.ts";
import { exitAs } from "../command.ts";
import { stressSummary } from "./judge.ts";
import { runStress } from "./run.ts";

const OPTIONS = {
  seconds: { type: "string", default: "20" },
  kernel: { type: "string", default: "debian-6.1-cloud" },
  nmis: { type: "string", default: "1000" },
  "every-instruction": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;
const SECONDS_MAX = 3600;
const NMIS_MAX = 1_000_000;

function numberOf(option: string, text: string, max: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > max) throw new StpError(`Cannot take --${option} ${text}: give a number from 1 to ${max}`);
  return number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  const { problems, figures } = await runStress({
    kernel: values.kernel,
    seconds: numberOf("seconds", values.seconds, SECONDS_MAX),
    nmis: numberOf("nmis", values.nmis, NMIS_MAX),
    every_instruction: values["every-instruction"],
    report: (line) => void process.stderr.write(`${line}\n`),
  });
  process.stdout.write(values.json ? `${JSON.stringify({ problems, ...figures })}\n` : stressSummary(figures));
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

await exitAs(main);
