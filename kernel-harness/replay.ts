/** A batch of operations through the C in a guest kernel. Sibling: module/replay_main.c */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StpError } from "../spec/errors.ts";
import { REPLAY_CONFIG } from "../spec/protocol.ts";
import { fetchKernel } from "./fetch.ts";
import { runGuest } from "./guest.ts";
import { findKernel } from "./kernels.ts";
import { buildModule } from "./module.ts";
import { replayModule } from "./program.ts";
import { step } from "./steps.ts";

const FOLDER = "/sys/kernel/debug/stp-replay";

export interface GuestReplay {
  /** One `op_result` for each operation. */
  readonly results: Uint8Array;
  /** The full dump after the last. */
  readonly dump: Uint8Array;
}

/** Runs a batch on a fresh session in a guest. Throws StpError if the guest fails or its kernel complains. */
export async function replayOnKernel(name: string, batch: Uint8Array, report: (line: string) => void = () => {}): Promise<GuestReplay> {
  const kernel = await fetchKernel(findKernel(name), { report });
  const directory = await mkdtemp(join(tmpdir(), "stp-replay-"));
  try {
    await writeFile(join(directory, "batch"), batch);
    const module = await buildModule(kernel, { ...replayModule(), report });
    report(`booting ${kernel.name}`);
    const guest = await runGuest(kernel, {
      files: { "/batch": join(directory, "batch"), "/stp_replay.ko": module },
      steps: [step("insmod", "/stp_replay.ko", "batch=/batch"), step("send", `${FOLDER}/results`), step("send", `${FOLDER}/dump`), step("rmmod", "stp_replay")],
      cpus: REPLAY_CONFIG.cpus,
      report,
    });
    const [results, dump] = ["results", "dump"].map((file) => guest.files.get(`${FOLDER}/${file}`));
    if (!guest.ok || !results || !dump) throw new StpError(`Cannot replay on ${name}: ${guest.problems.map((problem) => problem.message).join("; ")}`);
    return { results, dump };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
