/** What the fuzzer and its threads tell each other. Siblings: fuzz.ts, thread.ts */
import type { Trouble } from "../concurrent/trouble.ts";

/** In the shared counters: not 0 when all are to stop. Then the executions of each thread. */
export const STOP = 0;

export interface ThreadData {
  /** For properties/thread.mjs. */
  readonly entry: string;
  readonly module: WebAssembly.Module;
  readonly features: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly corpus: string;
  readonly seed: number;
  readonly index: number;
  /** Paths of the inputs that this thread replays first. */
  readonly inputs: readonly string[];
}

/** To a thread: the text of an input that another one has found. */
export type FromThread =
  | { readonly kind: "replayed" }
  | { readonly kind: "input"; readonly text: string }
  | { readonly kind: "failure"; readonly text: string; readonly trouble: Trouble };
