/** A batch of operations through the C in a guest kernel. Sibling: module/replay_main.c */
import { StpError } from "../spec/errors.ts";
import { REPLAY_CONFIG } from "../spec/protocol.ts";
import { fetchKernel, type FetchedKernel } from "./fetch.ts";
import { runGuest } from "./guest.ts";
import type { GuestFiles } from "./initramfs.ts";
import { chooseKernel } from "./choose.ts";
import { buildModule, type ModuleSource } from "./module.ts";
import { replayModule } from "./program.ts";
import { step } from "./steps.ts";

const FOLDER = "/sys/kernel/debug/stp-replay";
const FILES = ["results", "dump", "figures"] as const;

export interface GuestReplay {
  /** One `op_result` for each operation. */
  readonly results: Uint8Array;
  /** The full dump after the last. */
  readonly dump: Uint8Array;
  /** From the first operation to the last, by the guest's clock: no boot, no transfer. */
  readonly seconds: number;
  /** How many each CPU made, without those that O2 refuses: they belong to none. */
  readonly made: readonly number[];
}

export interface ReplayOptions {
  readonly report?: (line: string) => void;
  /** Default: the module as it stands. */
  readonly module?: ModuleSource;
}

/** A replay as a part of a job. */
export interface ReplayJob {
  readonly files: GuestFiles;
  readonly steps: readonly string[];
  /** What came of it, from the files that those steps sent; undefined if they did not. */
  readonly read: (sent: ReadonlyMap<string, Uint8Array>) => GuestReplay | undefined;
}

/** Builds the module for a batch on a fresh session. */
export async function prepareReplay(kernel: FetchedKernel, batch: Uint8Array, { report = () => {}, module: source = replayModule() }: ReplayOptions = {}): Promise<ReplayJob> {
  const module = await buildModule(kernel, { ...source, report });
  return {
    files: { "/batch": { contents: batch }, "/stp_replay.ko": module },
    steps: [step("insmod", "/stp_replay.ko", "batch=/batch"), ...FILES.map((file) => step("send", `${FOLDER}/${file}`)), step("rmmod", "stp_replay")],
    read: (sent) => {
      const [results, dump, figures] = FILES.map((file) => sent.get(`${FOLDER}/${file}`));
      return results && dump && figures && { results, dump, ...readFigures(new TextDecoder().decode(figures)) };
    },
  };
}

/** Lines of a name and a number: `nanoseconds`, then each CPU in order. */
function readFigures(text: string): Pick<GuestReplay, "seconds" | "made"> {
  const [nanoseconds = 0, ...made] = text.trim().split("\n").map((line) => Number(line.split(" ")[1]));
  return { seconds: nanoseconds / 1e9, made };
}

/** Runs a batch on a fresh session in a guest. Throws StpError if the guest fails or its kernel complains. */
export async function replayOnKernel(name: string, batch: Uint8Array, options: ReplayOptions = {}): Promise<GuestReplay> {
  const { report = () => {} } = options;
  const kernel = await fetchKernel(chooseKernel(name), { report });
  const job = await prepareReplay(kernel, batch, options);
  report(`booting ${kernel.name}`);
  const guest = await runGuest(kernel, { files: job.files, steps: job.steps, cpus: REPLAY_CONFIG.cpus, alternate: true, report });
  const replay = job.read(guest.files);
  const said = [...guest.console.matchAll(/stp_replay: (.*\S)/g)].map((match) => match[1]!);
  if (!guest.ok || !replay) throw new StpError(`Cannot replay on ${name}: ${[...said, ...guest.problems.map((problem) => problem.message)].join("; ")}`);
  return replay;
}
