/**
 * Runs batches of operations on one session and digests what can be observed after each (O1–O5).
 *
 * Never trusts a batch: an operation that does not fit its own size, or names what is unknown, touches nothing.
 * Sibling: runtime-c/replay/replay.c
 */
import {
  AT_BATCH_HEADER_CPUS,
  AT_BATCH_HEADER_FULL_EVERY,
  AT_BATCH_HEADER_OPERATIONS,
  AT_BATCH_HEADER_PROTOCOL_VERSION,
  AT_OP_HEADER_CODE,
  AT_OP_HEADER_CONTEXT,
  AT_OP_HEADER_CPU,
  AT_OP_HEADER_SIZE,
  AT_OP_HEADER_TARGET,
  AT_OP_HEADER_VALUE,
  AT_OP_RESULT_DIGEST,
  AT_OP_RESULT_RESULT,
  BATCH_HEADER_SIZE,
  CONTEXTS,
  EINVAL,
  OP_HEADER_SIZE,
  OP_MAP_ADD,
  OP_MAP_CLEAR,
  OP_MAP_CONTAINS,
  OP_MAP_DEL,
  OP_MAP_GET,
  OP_MAP_HOLD,
  OP_MAP_RELEASE,
  OP_MAP_SET,
  OP_MAP_SIZE,
  OP_MAP_WALK,
  OP_PRINT_FLUSH,
  OP_PRINT_PRINTF,
  OP_PROBE_ENTER,
  OP_PROBE_EXIT,
  OP_RESULT_SIZE,
  OP_RING_READ,
  OP_STR_PRINTF,
  PRINT_ARGS_MAX,
  PROTOCOL_VERSION,
  REPLAY_CPUS,
  REPLAY_MAP_ENTRIES_MAX,
  REPLAY_MAP_KEY_PARTS,
  REPLAY_MAP_KEY_STRINGS,
  REPLAY_MAP_STRING_SIZE,
  REPLAY_MAPS,
  REPLAY_PRINT_SIZE,
  REPLAY_PROBES,
  REPLAY_RING_SIZE,
  REPLAY_STRINGS,
} from "./protocol.gen";
import { cpu_dump, digest_absorb, full_dump, ledger_dump, map_dump, ring_dump, Words } from "./dump";
import { OPERATION_SIZE_MAX } from "./format";
import {
  map_add,
  map_clear,
  map_contains,
  map_del,
  map_get,
  map_hold,
  map_init,
  map_release,
  map_set,
  map_size,
  map_walk,
  StpMap,
} from "./map";
import { print_flush, print_printf } from "./print";
import { Cpu, Ledger, probe_enter, probe_exit, probe_init } from "./probe";
import { ring_read } from "./ring";
import { str_printf } from "./string";
import { Arguments, Bytes } from "./value";

/** Words of one full dump and of one operation's outputs and dumps; a replay's state is far smaller. */
const DUMP_WORDS_MAX: i32 = 4096;

const maps = new StaticArray<StpMap>(REPLAY_MAPS);
for (let i = 0; i < REPLAY_MAPS; i++) {
  maps[i] = new StpMap(i, REPLAY_MAP_KEY_PARTS[i], REPLAY_MAP_KEY_STRINGS[i], REPLAY_MAP_ENTRIES_MAX[i], REPLAY_MAP_STRING_SIZE[i]);
}
const cpus = new StaticArray<Cpu>(REPLAY_CPUS);
for (let i = 0; i < REPLAY_CPUS; i++) {
  cpus[i] = new Cpu(i, REPLAY_PROBES, REPLAY_PRINT_SIZE, REPLAY_RING_SIZE, REPLAY_STRINGS);
}
let digest: u64 = 0;
let operations: u64 = 0;

/** The operation at hand. */
const text = new Bytes(OPERATION_SIZE_MAX);
const args = new Arguments(PRINT_ARGS_MAX, OPERATION_SIZE_MAX);
/** Its result, outputs and dumps, in the order of O4. */
const observed = new Words(DUMP_WORDS_MAX);
/** Where its outputs end: they begin behind the result. */
let outputs_end: i32 = 1;

/** Starts a fresh session. */
export function replay_init(): void {
  for (let i = 0; i < REPLAY_MAPS; i++) map_init(maps[i]);
  for (let i = 0; i < REPLAY_CPUS; i++) probe_init(cpus[i]);
  digest = 0;
  operations = 0;
}

/**
 * Runs a batch and writes an op_result for each operation (O3). Returns how many, or -EINVAL: the header does
 * not fit, or an operation is malformed (those before it are made, it and those after are not).
 */
export function replay_run(batch: usize, batch_size: i32, results: usize): i32 {
  if (batch_size < BATCH_HEADER_SIZE) return -EINVAL;
  if (load<u32>(batch + AT_BATCH_HEADER_PROTOCOL_VERSION) != PROTOCOL_VERSION) return -EINVAL;
  if (load<u32>(batch + AT_BATCH_HEADER_CPUS) != REPLAY_CPUS) return -EINVAL;
  const count = load<u32>(batch + AT_BATCH_HEADER_OPERATIONS);
  const full_every = load<u32>(batch + AT_BATCH_HEADER_FULL_EVERY);
  const end = batch + batch_size;
  let at = batch + BATCH_HEADER_SIZE;
  for (let i: u32 = 0; i < count; i++) {
    const size = read_operation(at, end);
    if (size < 0) return -EINVAL;
    const result = make_operation(at, full_every);
    store<i64>(results + AT_OP_RESULT_RESULT, result);
    store<u64>(results + AT_OP_RESULT_DIGEST, digest);
    results += OP_RESULT_SIZE;
    at += size;
  }
  return <i32>count;
}

/** The outputs of the last operation (O5), and their size in bytes. */
export function replay_outputs(): usize {
  return changetype<usize>(observed.words) + sizeof<u64>();
}

export function replay_outputs_size(): i32 {
  return (outputs_end - 1) * sizeof<u64>();
}

/** The full dump of the session now (O6). */
export function replay_dump_into(words: Words): void {
  words.clear();
  full_dump(maps, cpus, words);
}

/** Sets `text` and `args` from an operation (O1). Returns its size, or -EINVAL if it is malformed. */
function read_operation(operation: usize, batch_end: usize): i32 {
  if (operation + OP_HEADER_SIZE > batch_end) return -EINVAL;
  const size = <i32>load<u16>(operation + AT_OP_HEADER_SIZE);
  const end = operation + size;
  if (size % 8 != 0 || end > batch_end) return -EINVAL;
  let at = read_string(operation + OP_HEADER_SIZE, end, text);
  if (at == 0 || at + 8 > end) return -EINVAL;
  const shape = load<u64>(at);
  at += 8;
  if (shape == 0) return -EINVAL;
  args.count = 63 - <i32>clz(shape);
  for (let i = 0; i < args.count; i++) {
    at = read_argument(at, end, i, ((shape >> i) & 1) != 0);
    if (at == 0) return -EINVAL;
  }
  return at == end ? size : -EINVAL;
}

/** Sets argument `index`, if it is one of the first PRINT_ARGS_MAX. Returns where it ends, or 0. */
function read_argument(at: usize, end: usize, index: i32, is_string: bool): usize {
  const value = args.values[min(index, PRINT_ARGS_MAX - 1)];
  value.is_string = is_string;
  if (is_string) return read_string(at, end, value.text);
  if (at + 8 > end) return 0;
  value.number = load<i64>(at);
  return at + 8;
}

/** Reads a length, that many bytes, none of them NUL, and 1 to 8 zeros. Returns where they end, or 0. */
function read_string(at: usize, end: usize, into: Bytes): usize {
  if (at + 8 > end) return 0;
  const length = load<u64>(at);
  if (length > <u64>(end - at - 8)) return 0;
  const bytes = <i32>length;
  const after = at + 8 + ((bytes + 8) & ~7);
  if (after > end) return 0;
  into.load_from(at + 8, bytes);
  for (let i = 0; i < bytes; i++) {
    if (into.data[i] == 0) return 0;
  }
  return after;
}

/** Makes the operation that was read, absorbs what it lets observe (O4), and returns its result. */
function make_operation(operation: usize, full_every: u32): i64 {
  const code = <i32>load<u16>(operation + AT_OP_HEADER_CODE);
  const cpu = <i32>load<u8>(operation + AT_OP_HEADER_CPU);
  const context = <i32>load<u8>(operation + AT_OP_HEADER_CONTEXT);
  const target = <i32>load<u8>(operation + AT_OP_HEADER_TARGET);
  const value = load<i64>(operation + AT_OP_HEADER_VALUE);

  observed.clear();
  observed.push(0); // the result's place
  const ledger = attribution(code, cpu, context, target);
  const result = ledger === null ? -EINVAL /* O2 */ : call(code, ledger, cpus[cpu], context, target, value);
  observed.words[0] = <i64>result;
  outputs_end = observed.count;
  if (is_map_operation(code)) {
    if (target < REPLAY_MAPS) map_dump(maps[target], observed);
  } else if (cpu < REPLAY_CPUS) {
    cpu_dump(cpus[cpu], observed);
    ring_dump(cpus[cpu].ring, observed);
  }
  if (ledger !== null) ledger_dump(ledger, observed);
  operations++;
  if (full_every != 0 && operations % full_every == 0) full_dump(maps, cpus, observed);
  digest = digest_absorb(digest, observed);
  return result;
}

function is_map_operation(code: i32): bool {
  return code >= OP_MAP_ADD && code <= OP_MAP_RELEASE;
}

/** False if O2 refuses the operation. Context and target are looked at only where the operation uses them. */
function is_known(code: i32, cpu: i32, context: i32, target: i32): bool {
  if (cpu >= REPLAY_CPUS) return false;
  if (is_map_operation(code)) return target < REPLAY_MAPS;
  if (code == OP_PROBE_ENTER) return context < CONTEXTS && target < REPLAY_PROBES;
  return code == OP_PROBE_EXIT || code == OP_STR_PRINTF || code == OP_PRINT_PRINTF || code == OP_PRINT_FLUSH || code == OP_RING_READ;
}

/** The ledger row in which a call is entered (X3), found as it begins; null if O2 refuses the operation. */
function attribution(code: i32, cpu: i32, context: i32, target: i32): Ledger | null {
  if (!is_known(code, cpu, context, target)) return null;
  return code == OP_PROBE_ENTER ? cpus[cpu].ledgers[target] : cpus[cpu].ledger();
}

function call(code: i32, ledger: Ledger, cpu: Cpu, context: i32, target: i32, value: i64): i32 {
  if (is_map_operation(code)) return call_map(code, ledger, maps[target], cpu.index, value);
  return call_cpu(code, ledger, cpu, context, target, value);
}

function call_map(code: i32, ledger: Ledger, map: StpMap, cpu: i32, value: i64): i32 {
  switch (code) {
    case OP_MAP_ADD:
      return map_add(ledger, map, args, value);
    case OP_MAP_SET:
      return map_set(ledger, map, args, value);
    case OP_MAP_GET:
      return map_get(ledger, map, args, observed);
    case OP_MAP_CONTAINS:
      return map_contains(ledger, map, args);
    case OP_MAP_DEL:
      return map_del(ledger, map, args);
    case OP_MAP_WALK:
      return map_walk(ledger, map, <i32>(value & 15), value >> 4, observed);
    case OP_MAP_CLEAR:
      return map_clear(ledger, map);
    case OP_MAP_SIZE:
      return map_size(map);
    case OP_MAP_HOLD:
      return map_hold(map, cpu);
    case OP_MAP_RELEASE:
      return map_release(map, cpu);
    default:
      return unreachable();
  }
}

function call_cpu(code: i32, ledger: Ledger, cpu: Cpu, context: i32, target: i32, value: i64): i32 {
  switch (code) {
    case OP_PROBE_ENTER:
      return probe_enter(cpu, target, context);
    case OP_PROBE_EXIT:
      return probe_exit(ledger, cpu);
    case OP_STR_PRINTF:
      return str_printf(ledger, cpu, text, args, observed);
    case OP_PRINT_PRINTF:
      return print_printf(ledger, cpu, text, args);
    case OP_PRINT_FLUSH:
      return print_flush(ledger, cpu);
    case OP_RING_READ:
      return ring_read(cpu.ring, value, observed);
    default:
      return unreachable();
  }
}
