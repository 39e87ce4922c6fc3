/** The smoke tests: what tells within seconds whether the runtime works on a kernel. Sibling: course.ts runs them */
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { createGenerator } from "../../properties/generate.ts";
import { loadModel } from "../../properties/model.ts";
import { FULL_EVERY, verifyBatch, type Divergence } from "../../properties/verify.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { postprocess } from "../../stpd/post/post.ts";
import { prepareReplay } from "../replay.ts";
import { prepareProbe } from "../run.ts";
import { prepareStress } from "../stress/run.ts";
import { inTemporaryDirectory } from "../temporary.ts";
import { parseWorkload, readWorkload, type WorkloadFacts } from "../workload.ts";
import type { Checked, GuestTest } from "./test.ts";

const REPLAY = { operations: 40_000, seed: 1 } as const;
const STRESS = { seconds: 2, nmis: 50 } as const;
const SECONDS_MAX = 120;

/** Operations of a seed: each result, and the state after each, as the model has them. */
const replay: GuestTest = {
  name: "replay",
  seconds_max: SECONDS_MAX,
  async prepare(kernel, report) {
    const job = await prepareReplay(kernel, createGenerator(REPLAY.seed).batch(REPLAY.operations, FULL_EVERY).slice(), { report });
    return {
      ...job,
      async check({ files }) {
        const replayed = job.read(files);
        if (!replayed) return { problems: ["The module sent no results"] };
        const { divergence } = await verifyBatch({ ...REPLAY, model: await loadModel(), run: async () => replayed });
        return { problems: divergence ? [divergenceText(divergence)] : [], figures: { operations: REPLAY.operations, "operations a second": REPLAY.operations / replayed.seconds } };
      },
    };
  },
};

function divergenceText({ seed, trace, model, target }: Divergence): string {
  return `The runtime and the model differ (seed ${seed}) after ${trace.at(-1) ?? "the last operation"}: the model has ${model}, the runtime ${target}`;
}

/** All calls in all contexts at once, and exact sums afterwards. */
const stress: GuestTest = {
  name: "stress",
  seconds_max: SECONDS_MAX,
  async prepare(kernel, report) {
    const job = await prepareStress(kernel, { ...STRESS, report });
    return {
      ...job,
      check({ files }) {
        const { problems, figures } = job.judge(files);
        return { problems, figures: { calls: figures.calls, nmis: figures.nmis_in_call } };
      },
    };
  },
};

interface LiveExample {
  readonly example: string;
  readonly workload: string;
  /** From what the probe printed, and what the workload counted itself, to what is wrong. */
  readonly check: (text: string, facts: readonly WorkloadFacts[]) => string[];
}

/** An example with its daemon, under a workload that knows what it did. */
function live({ example, workload, check }: LiveExample): GuestTest {
  const path = `examples/${example}/probe.c`;
  const recording = `/recording-${example}`;
  return {
    name: example,
    seconds_max: SECONDS_MAX,
    async prepare(kernel, report) {
      const text = readFileSync(PROJECT_ROOT + path, "utf8");
      const job = await prepareProbe(kernel, { path, text, record: false, workload: readWorkload(workload), report }, recording);
      return {
        ...job,
        check: async ({ files, outputs }) => {
          const posted = await post(files, recording);
          const facts = parseWorkload(outputs["workload"]?.stdout ?? "");
          const silent = facts.length === 0 ? ["The workload said nothing about itself"] : [];
          return { ...posted, problems: [...posted.problems, ...silent, ...check(posted.text, facts)] };
        },
      };
    },
  };
}

/** What a recording says, printed as by `stp post`. */
async function post(files: ReadonlyMap<string, Uint8Array>, recording: string): Promise<Checked & { readonly text: string }> {
  return inTemporaryDirectory("stp-suite-", async (directory) => {
    for (const [path, bytes] of files) {
      const place = join(directory, posix.relative(recording, path));
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, bytes);
    }
    const [text, said]: [string[], string[]] = [[], []];
    const { ok, errors, records } = await postprocess(directory, { write: (bytes) => void text.push(Buffer.from(bytes).toString()), report: (line) => said.push(line) });
    return { text: text.join(""), problems: ok && errors === 0 ? [] : said, figures: { records } };
  });
}

/** Sentences about the counts of a process that are not its own. */
function compareCounts(seen: (comm: string) => Readonly<Record<string, number>>, facts: readonly WorkloadFacts[]): string[] {
  return facts.flatMap((fact) => Object.entries(seen(fact.comm)).flatMap(([what, count]) => (count === Number(fact[what]) ? [] : [`The probe counted ${count} ${what} of ${fact.comm}, which made ${fact[what]}`])));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const opens = live({
  example: "001-opens",
  workload: "opens 3 1000",
  check: (text, facts) => compareCounts((comm) => ({ opens: Number(new RegExp(`^${comm} +(\\d+)$`, "m").exec(text)?.[1]) }), facts),
});

const interval = live({
  example: "010-interval",
  workload: "interval 2 100",
  check(text, facts) {
    const total = (map: string, comm: string): number => sum([...text.matchAll(new RegExp(`^${map}\\["${comm}"\\]=(\\d+)$`, "gm"))].map((match) => Number(match[1])));
    return compareCounts((comm) => ({ opens: total("opens", comm), reads: total("reads", comm) }), facts);
  },
});

export const SMOKE_TESTS: readonly GuestTest[] = [replay, stress, opens, interval];
