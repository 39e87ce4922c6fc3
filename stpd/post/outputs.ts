/**
 * What a recording's program wrote, record by record, each with its place in the files: text and errors, not events.
 *
 * Siblings: trace.ts reads its events; post.ts prints it for people.
 */
import { StpError } from "../../spec/errors.ts";
import { RECORD_TYPES } from "../../spec/protocol.ts";
import { readManifest } from "../../spec/recording/manifest.ts";
import type { StpRecord } from "../../spec/recording/record.ts";
import { DataFiles } from "./files.ts";
import { Merge } from "./merge.ts";
import { describeProblem, type Problem } from "./problem.ts";

/** Records of output that are held in memory. */
export const OUTPUTS_MAX = 10_000_000;

export interface PlacedRecord extends StpRecord {
  /** Name in the recording directory. */
  readonly file: string;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
}

/** All of them, in order of time; those of a CPU in their own order. Throws StpError if the recording is damaged, or has more than can be held. */
export async function readOutputs(directory: string): Promise<readonly PlacedRecord[]> {
  const { cpus } = await readManifest(directory);
  const problems: Problem[] = [];
  const report = (problem: Problem): void => void problems.push(problem);
  const files = new DataFiles(directory, cpus, report);
  try {
    const records: PlacedRecord[] = [];
    const merge = new Merge(files.readers, report);
    for (let record = merge.next(); record; record = merge.next()) {
      if (record.type_code === RECORD_TYPES.event) continue;
      if (records.length === OUTPUTS_MAX) throw new StpError(`Cannot compare ${directory}: it has more than ${OUTPUTS_MAX} records of output; record a shorter one`);
      const { file, offset } = record.place;
      records.push({ ...record.copy(), file, offset });
    }
    if (problems[0]) throw new StpError(`Cannot compare ${directory}: ${describeProblem(problems[0])}`);
    return records;
  } finally {
    files.close();
  }
}
