/** What runs replays: the model, the C in wasm, the C in a kernel. All answer alike, or one of them is wrong. */
import { offsetOf, sizeOf } from "../spec/layout.ts";

/** One session of `REPLAY_MAPS` and `REPLAY_CONFIG`, as SEMANTICS.md ("Replay") has it. */
export interface ReplayTarget {
  /** Starts a fresh session: empty maps, rings and ledgers, digest 0. */
  init(): void;
  /**
   * Runs a batch (`encodeBatch`) on the session as the last batch left it. Returns one `op_result` for each
   * operation, in memory of the caller's own. Throws if the batch is refused as a whole.
   */
  run(batch: Uint8Array): Uint8Array;
  /** The full dump of the session now (O6): 64-bit little-endian words, as bytes. */
  dump(): Uint8Array;
}

/** The count in a batch's header; 0 if there is no header, which every target refuses. */
export function operationsOf(batch: Uint8Array): number {
  if (batch.length < sizeOf("batch_header")) return 0;
  return new DataView(batch.buffer, batch.byteOffset).getUint32(offsetOf("batch_header", "operations"), true);
}

/** Makes a target with a fresh session and fresh memory: one that a failing run may have damaged is thrown away. */
export type TargetFactory = () => Promise<ReplayTarget>;
