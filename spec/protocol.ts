/**
 * The protocol: everything that C, AssemblyScript and TypeScript must spell the same way.
 *
 * `spec/generate.ts` turns this file into `runtime-c/include/stp/protocol.gen.h`,
 * `runtime-as/assembly/protocol.gen.ts` and nothing else; TypeScript imports it directly.
 * It holds names, numbers and layouts, never behaviour: that is `spec/SEMANTICS.md`.
 */

/** Carried by every artefact and recording; a consumer refuses any other. */
export const PROTOCOL_VERSION = 4;

/** First word of a record, "STP1" in memory order. */
export const RECORD_MAGIC = 0x31505453;

/** First word of a frame on the guest's report channel, "STPG" in memory order. */
export const FRAME_MAGIC = 0x47505453;

export interface Limit {
  readonly value: number;
  readonly unit: string;
  readonly doc: string;
}

/**
 * Every limit of the runtime. Each may be set by -DSTP_NAME=value when a probe is built; those that are also fields of
 * `struct stp_config` may be set again at load.
 */
export const LIMITS = {
  CPUS_MAX: { value: 64, unit: "CPUs", doc: "CPUs that one session can serve" },
  PROBES_MAX: { value: 64, unit: "probes", doc: "probes in one program" },
  MAPS_MAX: { value: 64, unit: "maps", doc: "maps in one program" },
  MAP_ENTRIES_DEFAULT: { value: 2048, unit: "entries", doc: "capacity of a map that names none" },
  MAP_ENTRIES_MAX: { value: 1048576, unit: "entries", doc: "largest capacity of one map" },
  MAP_WALKS_MAX: { value: 2, unit: "walks", doc: "walks of one map at a time, nested ones included" },
  LOCK_SPINS_MAX: { value: 1000000, unit: "tries", doc: "tries for a map's lock before the call fails with EBUSY; its holder runs with interrupts off" },
  LOCK_SPINS_NMI_MAX: { value: 1000, unit: "tries", doc: "the same for a probe in nmi, where two CPUs could wait for each other's interrupted holder" },
  KEY_PARTS_MAX: { value: 9, unit: "parts", doc: "parts of a map key" },
  HIST_BUCKETS_MAX: { value: 128, unit: "buckets", doc: "buckets of a histogram; two of a linear one are for what lies below and above" },
  RESERVE_MIN: { value: 1, unit: "entries", doc: "smallest reserve of a map that is refilled outside of probes" },
  STRING_SIZE_MAX: { value: 512, unit: "bytes", doc: "longest string, its final NUL included" },
  STRINGS_PER_CONTEXT: { value: 8, unit: "strings", doc: "pool strings of one context level of one CPU" },
  PRINT_ARGS_MAX: { value: 16, unit: "arguments", doc: "arguments of one stp_printf" },
  PRINT_WIDTH_MAX: { value: 512, unit: "columns", doc: "largest width and precision of a printf directive" },
  ERROR_SIZE_MAX: { value: 128, unit: "bytes", doc: "message of an error that a probe raises, its final NUL included" },
  HIT_ACTIONS_MAX: { value: 1000, unit: "actions", doc: "calls and visits of one hit" },
  HIT_ACTIONS_ENDS_MAX: { value: 10000, unit: "actions", doc: "the same for a begin or end probe, which hold nothing up" },
  HIT_TIME_MAX_US: { value: 100000, unit: "microseconds", doc: "time of one hit; begin and end probes have no such limit" },
  OVERLOAD_PERCENT: { value: 50, unit: "percent", doc: "share of an interval that the hits of one CPU may take" },
  OVERLOAD_INTERVAL_MS: { value: 1000, unit: "milliseconds", doc: "interval of the overload throttle" },
  ERRORS_MAX: { value: 1, unit: "errors", doc: "uncaught errors of probes after which the session stops" },
  PRINT_SIZE_DEFAULT: { value: 4096, unit: "bytes", doc: "print buffer of one context level of one CPU" },
  RING_SIZE_DEFAULT: { value: 1048576, unit: "bytes", doc: "ring of one CPU; a power of two" },
  RING_SIZE_MIN: { value: 128, unit: "bytes", doc: "smallest ring of one CPU" },
  RING_SIZE_MAX: { value: 268435456, unit: "bytes", doc: "largest ring of one CPU" },
  COMM_SIZE: { value: 16, unit: "bytes", doc: "a task's name, its final NUL included" },
  EVENT_ARGS: { value: 6, unit: "arguments", doc: "function arguments that an event keeps" },
  LOOKS_SIZE_MAX: { value: 8192, unit: "bytes", doc: "looks of one hit that the recorder keeps, their headers included" },
  STACK_FRAMES_MAX: { value: 64, unit: "frames", doc: "frames of one backtrace" },
  STACK_TEXT_SIZE_MAX: { value: 1280, unit: "bytes", doc: "room that a printed backtrace wants in one record; in a smaller print buffer it has fewer frames" },
  REGISTERS_SIZE_MAX: { value: 1024, unit: "bytes", doc: "a register dump" },
  NETLINK_DATA_SIZE_MAX: { value: 16384, unit: "bytes", doc: "data of one netlink message" },
  NETLINK_WINDOW: { value: 524288, unit: "bytes", doc: "data that the netlink transport sends ahead of what its reader has acknowledged" },
  MODULES_SIZE_MAX: { value: 4194304, unit: "bytes", doc: "names of functions that are kept of modules unloaded while a session runs" },
  VECTOR_STRINGS_MAX: { value: 64, unit: "strings", doc: "strings of one vector in user space, such as argv" },
} as const satisfies Record<string, Limit>;

/** Limits that may be set again when a session begins, by the field of `struct stp_config`; 0 is the default. */
export const SESSION_LIMITS = {
  print_size: { limit: "PRINT_SIZE_DEFAULT" },
  strings: { limit: "STRINGS_PER_CONTEXT" },
  actions: { limit: "HIT_ACTIONS_MAX" },
  actions_ends: { limit: "HIT_ACTIONS_ENDS_MAX" },
  time_us: { limit: "HIT_TIME_MAX_US" },
  overload_percent: { limit: "OVERLOAD_PERCENT" },
  overload_interval_ms: { limit: "OVERLOAD_INTERVAL_MS" },
  errors: { limit: "ERRORS_MAX" },
  map_entries: { limit: "MAP_ENTRIES_DEFAULT" },
} as const satisfies Record<string, { limit: keyof typeof LIMITS }>;
export type SessionLimit = keyof typeof SESSION_LIMITS;

/** What a call may return besides success; returned negative. */
export const ERRORS = {
  EFULL: { code: 1, doc: "no free slot, string or ring space; the target is unchanged" },
  EBUSY: { code: 2, doc: "held by a call that this one interrupted, or by another CPU for too long" },
  EINVAL: { code: 3, doc: "arguments do not fit the map's key, the format or a limit" },
  ENOENT: { code: 4, doc: "no such entry" },
  ENESTED: { code: 5, doc: "a probe already runs on this CPU at this context level" },
  ESTATE: { code: 6, doc: "the session is not in a state that allows the call" },
  ENOMEM: { code: 7, doc: "memory could not be had at init" },
  EBUDGET: { code: 8, doc: "the hit has used up its actions or its time" },
  EFAULT: { code: 9, doc: "memory could not be read" },
  EDOM: { code: 10, doc: "division by zero" },
} as const;
export type ErrorName = keyof typeof ERRORS;

/** Context levels, lowest first; a higher one may interrupt a lower one on the same CPU. */
export const CONTEXTS = ["task", "softirq", "irq", "nmi"] as const;
export type Context = (typeof CONTEXTS)[number];

/** What is counted in a ledger row. */
export const LOSS_KINDS = {
  hit: "a probe's body was due to run",
  map: "a call that changes a map",
  string: "a string was taken from the pool",
  record: "a record was offered to the ring",
  read: "memory or a field was to be read",
} as const;
export type LossKind = keyof typeof LOSS_KINDS;

/** Why something attempted was not delivered. */
export const LOSS_CAUSES = {
  full: "no room: map, string pool or ring",
  busy: "the map was held",
  nested: "a probe already ran at this level of this CPU",
  budget: "a budget of actions, time or errors was used up",
  fault: "memory could not be read",
  transport: "the kernel or the transport dropped it before the runtime saw it",
  error: "the probe raised an error that nothing caught",
  overwritten: "a ring that overwrites dropped it for a newer one",
} as const;
export type LossCause = keyof typeof LOSS_CAUSES;

/** The session's life, once through. Hits outside `running` (begin and end probes apart) are not the session's. */
export const STATES = ["idle", "starting", "running", "stopping", "ended"] as const;

/** Providers whose hits come from the session itself, not from the world. */
export const SESSION_PROVIDERS: readonly string[] = ["begin", "end", "error"];

/** What a full ring does with a record: refuse it, or drop its oldest ones for it. */
export const RING_MODES = ["discard", "overwrite"] as const;
export type RingMode = (typeof RING_MODES)[number];

/** How records leave the kernel. */
export const TRANSPORTS = ["relay", "netlink"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Commands of the generic netlink family of a session; who sends it, with which attributes. */
export const NETLINK_COMMANDS = {
  attach: { code: 1, doc: "stpd: send me what there is from now on" },
  detach: { code: 2, doc: "stpd: no more" },
  control: { code: 3, doc: "stpd, TEXT: as what is written to the file control" },
  read: { code: 4, doc: "stpd, TEXT (file), OFFSET: a part of the file; the answer has TEXT, OFFSET and DATA, no bytes at its end" },
  data: { code: 5, doc: "kernel, CPU, OFFSET, DATA: a part of a CPU's stream" },
  ack: { code: 6, doc: "stpd, CPU, OFFSET: all before is kept and may be overwritten" },
  end: { code: 7, doc: "kernel: the session has ended and all was acknowledged" },
  log: { code: 8, doc: "kernel: the log has grown" },
} as const;

/** Version of the family. */
export const NETLINK_VERSION = 1;

/** Attributes of these commands. */
export const NETLINK_ATTRIBUTES = {
  cpu: { code: 1, doc: "u32" },
  offset: { code: 2, doc: "u64, bytes" },
  data: { code: 3, doc: "bytes" },
  text: { code: 4, doc: "NUL-terminated string" },
  pad: { code: 5, doc: "nothing" },
} as const;

/** Record types. `print` is script output; `event` is what a recorder saw at a probe hit; `error` is the message of an uncaught error. */
export const RECORD_TYPES = { print: 1, event: 2, error: 3 } as const;
export type RecordType = keyof typeof RECORD_TYPES;

/** What a probe can look at beyond the head of its event (L1). `key` and `detail` say which: they are in brackets. */
export const LOOKS = {
  now: { code: 1, doc: "monotonic time, nanoseconds" },
  wall: { code: 2, doc: "wall time, nanoseconds since 1970" },
  task: { code: 3, doc: "address of the running task" },
  returned: { code: 4, doc: "what the function returned" },
  entry: { code: 5, doc: "monotonic time at the function's entry" },
  text: { code: 6, doc: "what was written to a control file" },
  field: { code: 7, doc: "integer field of a tracepoint [detail: hash of its name]" },
  field_string: { code: 8, doc: "string field of a tracepoint [detail: hash of its name]" },
  member: { code: 9, doc: "integer member of a kernel structure [key: address; detail: hash of its name]" },
  member_string: { code: 10, doc: "string in a kernel structure [key: address; detail: hash of its name]" },
  kernel: { code: 11, doc: "kernel memory [key: address; detail: bytes]" },
  user: { code: 12, doc: "user memory [key: address; detail: bytes]" },
  kernel_string: { code: 13, doc: "string in kernel memory [key: address]" },
  user_string: { code: 14, doc: "string in user memory [key: address]" },
  stack: { code: 15, doc: "kernel backtrace, return addresses" },
  user_stack: { code: 16, doc: "user backtrace, return addresses" },
  registers: { code: 17, doc: "registers as text" },
  symbol: { code: 18, doc: "name of an address [key: address]" },
} as const;
export type LookName = keyof typeof LOOKS;

/** `incomplete`: not all looks were kept; `made_up`: looks that are missing are made up; `pointers_32`: the process has pointers of 4 bytes. */
export const EVENT_FLAGS = { incomplete: 1, made_up: 2, pointers_32: 4 } as const;

export type FieldType = "u8" | "u16" | "u32" | "u64" | "s64" | { readonly bytes: number } | { readonly u64s: number };
export type Layout = readonly (readonly [name: string, type: FieldType, doc: string])[];

/** Wire structs: little-endian, fixed width, no implicit padding (the generator refuses any). */
export const STRUCTS = {
  record_header: [
    ["magic", "u32", "RECORD_MAGIC"],
    ["payload_size", "u32", "bytes of payload; the record is padded with zeros to a multiple of 8"],
    ["cpu", "u16", "CPU that wrote it"],
    ["context", "u8", "context level, an index into CONTEXTS"],
    ["type", "u8", "one of RECORD_TYPES"],
    ["probe", "u32", "index of the probe that wrote it"],
    ["sequence", "u64", "offset in bytes of this record in its CPU's stream, given at reserve"],
    ["time_ns", "u64", "monotonic time at reserve"],
  ],
  event: [
    ["pid", "u32", "process (thread group) id"],
    ["tid", "u32", "thread id"],
    ["uid", "u32", "user id"],
    ["looks_size", "u32", "bytes of looks that follow"],
    ["comm", { bytes: 16 }, "task name, zero-padded"],
    ["args", { u64s: 6 }, "function arguments"],
    ["time_ns", "u64", "monotonic time when the hit began"],
    ["order", "u32", "number of this hit among all of the session, from 1"],
    ["flags", "u32", "EVENT_FLAGS"],
  ],
  /** One value that a probe looked at; its bytes follow, then zeros up to a multiple of 8. */
  look: [
    ["kind", "u16", "one of LOOKS"],
    ["error", "u16", "0, or one of ERRORS: nothing follows"],
    ["size", "u32", "bytes that follow"],
    ["key", "u64", "which one"],
    ["detail", "u32", "which one"],
    ["reserved", "u32", "zero"],
  ],
  /** One operation of a replay batch. Then: text (u64 length, bytes, zero padding to 8), then arguments. */
  op_header: [
    ["code", "u16", "one of OPERATIONS"],
    ["size", "u16", "bytes of the whole operation, a multiple of 8"],
    ["cpu", "u8", "CPU on which it is made"],
    ["context", "u8", "context level at which it is made"],
    ["target", "u8", "map or probe index"],
    ["reserved", "u8", "zero"],
    ["value", "s64", "the operation's number"],
  ],
  /** One result a replay writes for each operation. */
  op_result: [
    ["result", "s64", "what the call returned"],
    ["digest", "u64", "rolling digest of results, outputs and state"],
  ],
  /** Head of a replay batch. */
  batch_header: [
    ["protocol_version", "u32", "PROTOCOL_VERSION"],
    ["cpus", "u32", "CPUs of the session"],
    ["operations", "u32", "count of operations that follow"],
    ["full_every", "u32", "a full dump joins the digest every so many operations; 0: never"],
  ],
  /** Head of a frame on the guest's report channel; the payload follows. */
  frame_header: [
    ["magic", "u32", "FRAME_MAGIC"],
    ["type", "u32", "one of FRAMES"],
    ["payload_size", "u32", "bytes that follow"],
    ["reserved", "u32", "zero"],
  ],
} as const satisfies Record<string, Layout>;
export type StructName = keyof typeof STRUCTS;

/**
 * Operations of a replay batch, in the order of every implementation file.
 * `errors`: what the call may return there (SEMANTICS.md says when).
 * `value`, `text`, `args`: what of the operation it uses.
 */
export const OPERATIONS = {
  probe_enter: { code: 1, uses: ["target"], errors: ["ENESTED"], doc: "target: probe" },
  probe_exit: { code: 2, uses: [], errors: ["ESTATE"], doc: "leaves the innermost probe of the CPU" },
  raise: { code: 3, uses: ["text", "args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EFAULT"], doc: "raises an error with that message" },
  catch: { code: 4, uses: [], errors: ["ESTATE", "EBUDGET"], doc: "takes back the error; returns 1 and outputs its message, or 0" },
  div: { code: 5, uses: ["args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EDOM"], doc: "outputs the quotient" },
  mod: { code: 6, uses: ["args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EDOM"], doc: "outputs the remainder" },
  map_add: { code: 10, uses: ["target", "args", "value"], errors: ["EBUDGET", "EINVAL", "EBUSY", "EFULL"], doc: "value: the addend" },
  map_set: { code: 11, uses: ["target", "args", "value"], errors: ["EBUDGET", "EINVAL", "EBUSY", "EFULL"], doc: "value: the value" },
  map_get: { code: 12, uses: ["target", "args"], errors: ["EBUDGET", "EINVAL", "EBUSY"], doc: "outputs the value" },
  map_contains: { code: 13, uses: ["target", "args", "value"], errors: ["EBUDGET", "EINVAL", "EBUSY"], doc: "value: wildcard parts; returns 1 or 0" },
  map_del: { code: 14, uses: ["target", "args"], errors: ["EBUDGET", "EINVAL", "EBUSY", "ENOENT"], doc: "" },
  map_walk: { code: 15, uses: ["target", "value"], errors: ["EBUDGET", "EINVAL", "EBUSY"], doc: "value: limit * 128 + remove * 64 + sort order; outputs each entry; returns how many" },
  map_clear: { code: 16, uses: ["target"], errors: ["EBUDGET", "EBUSY"], doc: "" },
  map_size: { code: 17, uses: ["target"], errors: [], doc: "returns the number of entries" },
  map_hold: { code: 18, uses: ["target"], errors: ["EBUSY"], doc: "takes the map's lock, as an interrupted call holds it" },
  map_release: { code: 19, uses: ["target"], errors: ["ESTATE"], doc: "gives back what map_hold took" },
  map_set_string: { code: 20, uses: ["target", "args", "text"], errors: ["EBUDGET", "EINVAL", "EBUSY", "EFULL"], doc: "text: the value" },
  map_append: { code: 21, uses: ["target", "args", "text"], errors: ["EBUDGET", "EINVAL", "EBUSY", "EFULL"], doc: "text: what is appended to the value" },
  map_stat_add: { code: 22, uses: ["target", "args", "value"], errors: ["EBUDGET", "EINVAL", "EBUSY", "EFULL"], doc: "value: the sample" },
  map_push: { code: 23, uses: ["target", "value"], errors: ["EBUDGET", "EINVAL", "EBUSY", "EFULL"], doc: "value: the value of the next position" },
  map_push_string: { code: 24, uses: ["target", "text"], errors: ["EBUDGET", "EINVAL", "EBUSY", "EFULL"], doc: "text: the value of the next position" },
  map_del_slice: { code: 25, uses: ["target", "args", "value"], errors: ["EBUDGET", "EINVAL", "EBUSY"], doc: "value: wildcard parts; returns how many entries it removed" },
  str_printf: { code: 30, uses: ["text", "args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EFAULT", "EFULL"], doc: "outputs a pool string" },
  str_copy: { code: 31, uses: ["args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EFULL"], doc: "args: string; outputs a pool string" },
  str_concat: { code: 32, uses: ["args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EFULL"], doc: "args: two strings; outputs a pool string" },
  str_substr: { code: 33, uses: ["args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EFULL"], doc: "args: string, start, length; outputs a pool string" },
  str_replace: { code: 34, uses: ["args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EFULL"], doc: "args: string, what, by what; outputs a pool string" },
  str_token: { code: 35, uses: ["args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EFULL", "ENOENT"], doc: "args: string, delimiters, index; outputs a pool string" },
  str_quote: { code: 36, uses: ["args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EFULL"], doc: "args: string; outputs a pool string" },
  str_compare: { code: 37, uses: ["args"], errors: ["EINVAL"], doc: "args: two strings; outputs -1, 0 or 1" },
  str_find: { code: 38, uses: ["args"], errors: ["EINVAL", "ENOENT"], doc: "args: string, what; returns the offset" },
  str_number: { code: 39, uses: ["args"], errors: ["EINVAL"], doc: "args: string, base; outputs the number" },
  print_printf: { code: 40, uses: ["text", "args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EFAULT"], doc: "appends to the print buffer" },
  print_flush: { code: 41, uses: [], errors: ["ESTATE", "EBUDGET", "EFULL"], doc: "sends the print buffer as one record" },
  print_map: { code: 42, uses: ["target", "value"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EBUSY"], doc: "value: as for map_walk; appends a line for each entry; returns how many" },
  print_hist: { code: 43, uses: ["target", "args"], errors: ["ESTATE", "EBUDGET", "EINVAL", "EBUSY", "ENOENT"], doc: "appends the histogram of one entry" },
  ring_read: { code: 50, uses: ["value"], errors: [], doc: "the reader takes up to value records; outputs them; returns how many" },
} as const satisfies Record<string, { code: number; uses: readonly ("target" | "value" | "text" | "args")[]; errors: readonly ErrorName[]; doc: string }>;
export type OperationName = keyof typeof OPERATIONS;

/** What a walk may be sorted by, in the order of `SORTS`. */
export const SORT_FIELDS = [
  "insertion",
  "value",
  ...(["key1", "key2", "key3", "key4", "key5", "key6", "key7", "key8", "key9"] as const),
  ...(["count", "sum", "min", "max", "avg", "variance"] as const),
] as const;
export type SortField = (typeof SORT_FIELDS)[number];
export type SortName = SortField | `${SortField}_desc`;

/** Sort orders of a walk: each field ascending, then descending. Ties keep insertion order. */
export const SORTS = Object.fromEntries(SORT_FIELDS.flatMap((field, i) => [[field, 2 * i], [`${field}_desc`, 2 * i + 1]])) as Readonly<Record<SortName, number>>;

/** Directives of a format, as `stp_printf` takes them, and its flags. */
export const PRINT_DIRECTIVES = ["d", "i", "u", "o", "x", "X", "p", "s", "c", "b", "m", "M", "%"] as const;
export const PRINT_FLAGS = ["-", "+", " ", "0", "#"] as const;

/** Types of a map's value. */
export const VALUE_TYPES = ["int64", "string", "stats"] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

/** Kinds of histogram (S4, S5). */
export const HISTS = ["none", "log", "linear"] as const;

export interface ReplayMap {
  readonly name: string;
  readonly keys: readonly ("int64" | "string")[];
  readonly value: ValueType;
  readonly entries_max: number;
  readonly string_size: number;
  /** Evicts its oldest entry when it is full (M12). */
  readonly wrap?: true;
  /** One part for each CPU (M13). */
  readonly per_cpu?: true;
  readonly hist?: "log" | { readonly low: number; readonly high: number; readonly interval: number };
}

/** The maps of a replay: tiny, so that every limit is near. */
export const REPLAY_MAPS = [
  { name: "ints", keys: ["int64"], value: "int64", entries_max: 3, string_size: 0 },
  { name: "strings", keys: ["string"], value: "int64", entries_max: 2, string_size: 8 },
  { name: "pairs", keys: ["int64", "int64"], value: "int64", entries_max: 4, string_size: 0 },
  { name: "mixed", keys: ["string", "int64"], value: "int64", entries_max: 4, string_size: 16 },
  { name: "nine", keys: ["int64", "string", "int64", "int64", "string", "int64", "int64", "int64", "int64"], value: "int64", entries_max: 2, string_size: 8 },
  { name: "texts", keys: ["int64"], value: "string", entries_max: 3, string_size: 8 },
  { name: "named", keys: ["string"], value: "stats", entries_max: 2, string_size: 8 },
  { name: "recent", keys: ["int64"], value: "int64", entries_max: 2, string_size: 0, wrap: true },
  { name: "sums", keys: ["int64"], value: "int64", entries_max: 2, string_size: 0, per_cpu: true },
  { name: "sizes", keys: ["string"], value: "stats", entries_max: 2, string_size: 8, per_cpu: true, hist: { low: 0, high: 20, interval: 5 } },
  { name: "times", keys: [], value: "stats", entries_max: 1, string_size: 0, per_cpu: true, hist: "log" },
] as const satisfies readonly ReplayMap[];

/** The session of a replay: limits as near as its maps'. The ring of `overwriting_cpu` overwrites (T6). */
export const REPLAY_CONFIG = { cpus: 2, probes: 2, print_size: 72, ring_size: 128, overwriting_cpu: 1, strings: 3, actions: 16 } as const;

/** Tags of the canonical dump: a dump is a sequence of 64-bit words, each item opened by its tag. */
export const DUMP_TAGS = {
  map: 0x4d01,
  part: 0x4d03,
  entry: 0x4d02,
  stats: 0x5301,
  cpu: 0x4301,
  level: 0x4302,
  ring: 0x5201,
  record: 0x5202,
  ledger: 0x4c01,
} as const;

/** Frames of the guest's report channel. */
export const FRAMES = {
  hello: { type: 1, doc: "guest is up; payload: kernel release" },
  step: { type: 2, doc: "a step begins; payload: its line" },
  output: { type: 3, doc: "output of a program; payload: name, NUL, stream (1 or 2), bytes" },
  exit: { type: 4, doc: "a program ended; payload: name, NUL, decimal exit status (128 + n for signal n)" },
  file: { type: 5, doc: "a file begins; payload: its path" },
  data: { type: 6, doc: "bytes of that file" },
  beat: { type: 7, doc: "still alive; no payload" },
  more: { type: 9, doc: "a file that was sent goes on; payload: its path; data follows" },
  done: { type: 8, doc: "the job ended; payload: decimal, 0 for success" },
} as const;
export type FrameName = keyof typeof FRAMES;
