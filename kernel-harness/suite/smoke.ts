/** The smoke tests: what tells within seconds whether the runtime works on a kernel. Sibling: course.ts runs them */
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { createGenerator } from "../../properties/generate.ts";
import { loadModel } from "../../properties/model.ts";
import { decodeBatch, formatOperation } from "../../properties/operations.ts";
import { FULL_EVERY, verifyBatch, type Divergence } from "../../properties/verify.ts";
import { PROJECT_ROOT } from "../../spec/runtime.ts";
import { postprocess } from "../../stpd/post/post.ts";
import { prepareReplay } from "../replay.ts";
import { prepareProbe } from "../run.ts";
import { prepareStress } from "../stress/run.ts";
import { inTemporaryDirectory } from "../temporary.ts";
import { parseWorkload, readWorkload, type WorkloadFacts } from "../workload.ts";
import type { GuestTest } from "./test.ts";

const REPLAY = { operations: 40_000, seed: 1 } as const;
const STRESS = { seconds: 2, nmis: 50 } as const;
const SECONDS_MAX = 120;

/** Operations of a seed: each result, and the state after each, as the model has them. */
const replay: GuestTest = {
  name: "replay",
  seconds_max: SECONDS_MAX,
  async prepare(kernel, report) {
    const batch = createGenerator(REPLAY.seed).batch(REPLAY.operations, FULL_EVERY).slice();
    const job = await prepareReplay(kernel, batch, { report });
    return {
      ...job,
      async check({ files }) {
        const replayed = job.read(files);
        if (!replayed) return { problems: ["The module sent no results"] };
        const { divergence } = await verifyBatch({ ...REPLAY, model: await loadModel(), run: async () => replayed });
        return {
          problems: divergence ? [divergenceText(divergence)] : [],
          figures: { operations: REPLAY.operations },
          artefacts: divergence ? [{ name: "operations.txt", contents: operationsText(batch, kernel.name) }] : [],
        };
      },
    };
  },
};

/** As `stp replay` takes it. */
function operationsText(batch: Uint8Array, kernel: string): string {
  const lines = decodeBatch(batch).operations.map(formatOperation);
  return `# ${REPLAY.operations} operations of seed ${REPLAY.seed}; again on the kernel: ./stp verify --on ${kernel} --ops ${REPLAY.operations} --seed ${REPLAY.seed}\n${lines.join("\n")}\n`;
}

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
  /** How often the probe saw a process do something, from what it printed: by the names by which the workload counts. */
  readonly seen: (text: string, comm: string) => Readonly<Record<string, number>>;
}

/** An example with its daemon, under a workload that knows what it did. */
function live({ example, workload, seen }: LiveExample): GuestTest {
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
          const counted = compareCounts(facts, (comm) => seen(posted.text, comm), posted.lost);
          return { problems: [...posted.problems, ...counted], figures: { records: posted.records, lost: posted.lost } };
        },
      };
    },
  };
}

interface Posted {
  readonly text: string;
  readonly problems: readonly string[];
  readonly records: number;
  /** Of all kinds and causes. */
  readonly lost: number;
}

/** What a recording says, printed as by `stp post`. */
async function post(files: ReadonlyMap<string, Uint8Array>, recording: string): Promise<Posted> {
  return inTemporaryDirectory("stp-suite-", async (directory) => {
    for (const [path, bytes] of files) {
      const place = join(directory, posix.relative(recording, path));
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, bytes);
    }
    const [text, said]: [string[], string[]] = [[], []];
    const { ok, errors, records, ledger } = await postprocess(directory, { write: (bytes) => void text.push(Buffer.from(bytes).toString()), report: (line) => said.push(line) });
    return { text: text.join(""), problems: ok && errors === 0 ? [] : said, records, lost: sum(ledger.losses.map(({ lost }) => Number(lost))) };
  });
}

/** A CPU that the host stopped while it held a map costs others some calls. They are counted, and few. */
const LOST_SHARE_MAX = 0.01;

/** What is wrong with the probe's counts: none is larger than the process's own, and what is missing was counted as lost. */
function compareCounts(facts: readonly WorkloadFacts[], seen: (comm: string) => Readonly<Record<string, number>>, lost: number): string[] {
  const counts = facts.flatMap((fact) => Object.entries(seen(fact.comm)).map(([what, count]) => ({ comm: fact.comm, what, count, made: Number(fact[what]) })));
  const made = sum(counts.map((each) => each.made));
  const missing = made - sum(counts.map(({ count }) => count));
  const wrong = counts.filter(({ count, made: most }) => !(count <= most)).map(({ comm, what, count, made: most }) => `The probe counted ${count} ${what} of ${comm}, which made ${most}`);
  if (!(made > 0)) return ["The workload did nothing, or did not say what"];
  if (missing > lost) wrong.push(`The probe missed ${missing} of what the processes did, and ${lost} are in the ledger as lost`);
  if (lost > made * LOST_SHARE_MAX) wrong.push(`${lost} of ${made} were lost, more than ${LOST_SHARE_MAX * 100} %`);
  return wrong;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const opens = live({
  example: "001-opens",
  workload: "opens 3 1000",
  seen: (text, comm) => ({ opens: Number(new RegExp(`^${comm} +(\\d+)$`, "m").exec(text)?.[1]) }),
});

const interval = live({
  example: "010-interval",
  workload: "interval 2 100",
  seen(text, comm) {
    const total = (map: string): number => sum([...text.matchAll(new RegExp(`^${map}\\["${comm}"\\]=(\\d+)$`, "gm"))].map((match) => Number(match[1])));
    return { opens: total("opens"), reads: total("reads") };
  },
});

export const SMOKE_TESTS: readonly GuestTest[] = [replay, stress, opens, interval];
