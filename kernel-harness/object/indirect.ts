/** The calls through pointers that probe context reaches. graph.ts refuses an entry that does not match the object. */
import type { IndirectCalls } from "./graph.ts";

export const INDIRECT: readonly IndirectCalls[] = [
  { caller: "stp_probe_hit", count: 1, targets: "program", why: "probe->body, which STP_PROBE() sets; bodies are entries of their own" },
  { caller: "stp_recorder_hit", count: 1, targets: "program", why: "the same" },
  { caller: "stp_port_arg", count: 1, targets: ["stp_hit_arg", "entry_arg", "user_arg"], why: "hit->kind->arg, which providers kprobe, kretprobe and uprobe set" },
  { caller: "stp_port_look", count: 1, targets: ["look_at_return", "look_at_field", "look_at_text"], why: "hit->kind->look, which providers kretprobe, tracepoint and control_write set" },
  { caller: "stp_port_wake", count: 1, targets: ["wake_of_relay", "wake_of_netlink"], why: "stp_transport->wake, which module.c sets at load" },
  { caller: "stp_control_answer", count: 1, targets: ["append_answer"], why: "probe->provider->answer, which control_read alone sets" },
];
