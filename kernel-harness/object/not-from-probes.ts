/** What the headers declare and no probe calls: the reason for each. An entry for which there is no declaration is a failure. */
export const NOT_FROM_PROBES: Readonly<Record<string, string>> = {
  stp_format_check: "init: the session checks all formats before anything runs",
  stp_hist_init: "init of a map",
  stp_map_init: "init",
  stp_map_fini: "fini",
  stp_map_refill: "task context, from a worker: it allocates",
  stp_alloc: "init and attach: task context, may sleep",
  stp_free: "fini and detach: task context, may sleep",
  stp_port_resolve: "init",
  stp_port_set_cpus: "init",
  stp_port_cycles_per_us: "init",
  stp_port_world: "for the manifest",
  stp_port_release: "for the manifest",
  stp_ring_readable: "the reader's",
  stp_ring_peek: "the reader's",
  stp_ring_peek_at: "the reader's",
  stp_ring_consume: "the reader's",
  stp_ring_snapshot: "the reader's",
  stp_session_init: "init",
  stp_session_check_ring: "init",
  stp_session_set_ring: "init",
  stp_session_start: "task context, may sleep",
  stp_session_stop: "task context, may sleep",
  stp_session_set: "task context, a command",
  stp_session_refill: "task context, from a worker",
  stp_session_fini: "fini",
  stp_session_write_manifest: "a read of a file: task context",
  stp_log_args: "a line for the user, from init, attach and fini",
  stp_log_text: "a read of a file: task context",
  // Inlined parts of calls that are measured.
  stp_walk_start: "in stp_foreach()",
  stp_string: "in stp_str_copy() and the others",
  stp_this_cpu: "one load",
};

/** Functions that begin hits outside of probe context: those of begin and end, which the session makes while it starts and stops, and those of processes that use a file of the session. */
export const HITS_IN_TASK_CONTEXT: Readonly<Record<string, string>> = {
  run_now: "attach of a begin probe: task context, may sleep",
  run_at_end: "detach of an end probe: task context, may sleep",
  hit_reader: "a read of a control file: task context, may sleep",
  hit_writer: "a write to a control file: task context, may sleep",
};
