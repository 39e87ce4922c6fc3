/** The calls through pointers that probe context reaches. graph.ts refuses an entry that does not match the object. */
import type { IndirectCalls } from "./graph.ts";

export const INDIRECT: readonly IndirectCalls[] = [
  { caller: "stp_probe_hit", count: 1, targets: "program", why: "probe->body, which STP_PROBE() sets; bodies are entries of their own" },
];
