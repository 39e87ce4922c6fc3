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
  OP_CATCH,
  OP_DIV,
  OP_HEADER_SIZE,
  OP_MAP_ADD,
  OP_MAP_APPEND,
  OP_MAP_CLEAR,
  OP_MAP_CONTAINS,
  OP_MAP_DEL,
  OP_MAP_DEL_SLICE,
  OP_MAP_GET,
  OP_MAP_HOLD,
  OP_MAP_PUSH,
  OP_MAP_PUSH_STRING,
  OP_MAP_RELEASE,
  OP_MAP_SET,
  OP_MAP_SET_STRING,
  OP_MAP_SIZE,
  OP_MAP_STAT_ADD,
  OP_MAP_WALK,
  OP_MOD,
  OP_PRINT_FLUSH,
  OP_PRINT_HIST,
  OP_PRINT_MAP,
  OP_PRINT_PRINTF,
  OP_PROBE_ENTER,
  OP_PROBE_EXIT,
  OP_RAISE,
  OP_RESULT_SIZE,
  OP_RING_READ,
  OP_STR_COMPARE,
  OP_STR_CONCAT,
  OP_STR_COPY,
  OP_STR_FIND,
  OP_STR_NUMBER,
  OP_STR_PRINTF,
  OP_STR_QUOTE,
  OP_STR_REPLACE,
  OP_STR_SUBSTR,
  OP_STR_TOKEN,
  PRINT_ARGS_MAX,
  PROTOCOL_VERSION,
  REPLAY_ACTIONS,
  REPLAY_CPUS,
  REPLAY_MAP_ENTRIES_MAX,
  REPLAY_MAP_HIST,
  REPLAY_MAP_HIST_HIGH,
  REPLAY_MAP_HIST_INTERVAL,
  REPLAY_MAP_HIST_LOW,
  REPLAY_MAP_KEY_PARTS,
  REPLAY_MAP_KEY_STRINGS,
  REPLAY_MAP_PER_CPU,
  REPLAY_MAP_STRING_SIZE,
  REPLAY_MAP_VALUE,
  REPLAY_MAP_WRAP,
  REPLAY_MAPS,
  REPLAY_OVERWRITING_CPU,
  REPLAY_PRINT_SIZE,
  REPLAY_PROBES,
  REPLAY_RING_SIZE,
  REPLAY_STRINGS,
  STRING_SIZE_MAX,
} from "./protocol.gen";
import { cpu_dump, digest_absorb, digest_word, full_dump, full_words_max, ledger_absorb, map_dump, ring_dump, Words } from "./dump";
import { Shape, StpMap } from "./entry";
import { Histogram } from "./histogram";
import {
  map_add,
  map_append,
  map_clear,
  map_contains,
  map_del,
  map_del_slice,
  map_get,
  map_hold,
  map_init,
  map_push,
  map_push_string,
  map_release,
  map_set,
  map_set_string,
  map_size,
  map_stat_add,
} from "./map";
import { print_flush, print_hist, print_map, print_printf } from "./print";
import { catch_error, Cpu, divide, Ledger, probe_enter, probe_exit, probe_init, raise } from "./probe";
import { ring_read } from "./ring";
import { str_compare, str_concat, str_copy, str_find, str_number, str_printf, str_quote, str_replace, str_substr, str_token } from "./string";
import { Arguments, Bytes, bytes_of } from "./value";
import { map_walk, Walk } from "./walk";

/** REPLAY_MAPS of spec/protocol.ts; the generated protocol has all of a map but its name. */
const MAP_NAMES: StaticArray<string> = ["ints", "strings", "pairs", "mixed", "nine", "texts", "named", "recent", "sums", "sizes", "times"];

export const maps = new StaticArray<StpMap>(REPLAY_MAPS);
for (let i = 0; i < REPLAY_MAPS; i++) {
  const histogram = new Histogram(REPLAY_MAP_HIST[i], REPLAY_MAP_HIST_LOW[i], REPLAY_MAP_HIST_HIGH[i], REPLAY_MAP_HIST_INTERVAL[i]);
  const shape = new Shape(
    REPLAY_MAP_KEY_PARTS[i],
    REPLAY_MAP_KEY_STRINGS[i],
    REPLAY_MAP_VALUE[i],
    REPLAY_MAP_ENTRIES_MAX[i],
    REPLAY_MAP_STRING_SIZE[i],
    REPLAY_MAP_WRAP[i] != 0,
    REPLAY_MAP_PER_CPU[i] != 0,
    histogram,
  );
  maps[i] = new StpMap(i, bytes_of(MAP_NAMES[i]), shape, REPLAY_CPUS);
}
export const cpus = new StaticArray<Cpu>(REPLAY_CPUS);
for (let i = 0; i < REPLAY_CPUS; i++) cpus[i] = new Cpu(i, REPLAY_PROBES, REPLAY_ACTIONS, REPLAY_STRINGS, REPLAY_PRINT_SIZE, REPLAY_RING_SIZE, i == REPLAY_OVERWRITING_CPU);

/** State of the digest, and operations made since the session began (O4). */
let digest: u64 = 0;
let operations: u64 = 0;

/** Text and arguments of the operation at hand: views of the batch. */
const text = new Bytes(0);
export const args = new Arguments(PRINT_ARGS_MAX);
export const walk = new Walk();

const FULL_WORDS_MAX = full_words_max(maps, cpus);
/** Outputs of the operation at hand (O5): a pool string, or parts of what a full dump shows. */
export const outputs = new Words(FULL_WORDS_MAX + 1 + STRING_SIZE_MAX / 8);
/** Dumps of the operation at hand: each part of a full dump at most once, then a full dump. */
const dumps = new Words(2 * FULL_WORDS_MAX);
const dump = new Words(FULL_WORDS_MAX);

/** Starts a fresh session. */
export function replay_init(): void {
  for (let i = 0; i < REPLAY_MAPS; i++) map_init(maps[i]);
  for (let i = 0; i < REPLAY_CPUS; i++) probe_init(cpus[i]);
  digest = 0;
  operations = 0;
}

/** From now on no ring overwrites. */
export function replay_discard(): void {
  for (let i = 0; i < REPLAY_CPUS; i++) cpus[i].ring.overwrites = false;
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
  return outputs.begin;
}

export function replay_outputs_size(): i32 {
  return outputs.size();
}

/** The full dump of the session now (O6). */
export function session_dump(): Words {
  dump.end = full_dump(maps, cpus, dump.begin);
  dump.check();
  return dump;
}

/** Sets `text` and `args` from an operation (O1). Returns its size, or -EINVAL if it is malformed. */
export function read_operation(operation: usize, batch_end: usize): i32 {
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
  const value = args.value(min(index, PRINT_ARGS_MAX - 1));
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
  into.view(at + 8, bytes);
  return has_nul(into) ? 0 : after;
}

/** Word by word: a byte is 0 if subtracting 1 from it borrows and it had no upper bit. */
function has_nul(string: Bytes): bool {
  const whole = string.length & ~7;
  for (let i = 0; i < whole; i += 8) {
    const word = load<u64>(string.at + i);
    if ((word - 0x0101010101010101) & ~word & 0x8080808080808080) return true;
  }
  for (let i = whole; i < string.length; i++) {
    if (string.byte(i) == 0) return true;
  }
  return false;
}

/** Makes the operation that was read, absorbs what it lets observe (O4), and returns its result. */
function make_operation(operation: usize, full_every: u32): i64 {
  const code = <i32>load<u16>(operation + AT_OP_HEADER_CODE);
  const cpu = <i32>load<u8>(operation + AT_OP_HEADER_CPU);
  const context = <i32>load<u8>(operation + AT_OP_HEADER_CONTEXT);
  const target = <i32>load<u8>(operation + AT_OP_HEADER_TARGET);
  const value = load<i64>(operation + AT_OP_HEADER_VALUE);

  outputs.end = outputs.begin;
  const row = attribution(code, cpu, context, target);
  const result = row === null ? <i64>-EINVAL /* O2 */ : <i64>call(code, unchecked(cpus[cpu]), context, target, value);
  outputs.check();

  let at = dumps.begin;
  if (has_map(code) && target < REPLAY_MAPS) at = map_dump(unchecked(maps[target]), at);
  if (!is_map_operation(code) && cpu < REPLAY_CPUS) {
    at = cpu_dump(unchecked(cpus[cpu]), at);
    at = ring_dump(unchecked(cpus[cpu]).ring, at);
  }
  dumps.end = at;

  digest = digest_word(digest, result);
  digest = digest_absorb(digest, outputs.begin, outputs.end);
  digest = digest_absorb(digest, dumps.begin, dumps.end);
  if (row !== null) digest = ledger_absorb(digest, row);
  operations++;
  if (full_every != 0 && operations % full_every == 0) {
    dumps.end = full_dump(maps, cpus, dumps.begin);
    digest = digest_absorb(digest, dumps.begin, dumps.end);
  }
  dumps.check();
  return result;
}

/** `map_*`. */
function is_map_operation(code: i32): bool {
  return code >= OP_MAP_ADD && code <= OP_MAP_DEL_SLICE;
}

/** Whether an operation's target is a map. */
function has_map(code: i32): bool {
  return is_map_operation(code) || code == OP_PRINT_MAP || code == OP_PRINT_HIST;
}

/** False if O2 refuses the operation. Context and target are looked at only where the operation uses them. */
function is_known(code: i32, cpu: i32, context: i32, target: i32): bool {
  if (cpu >= REPLAY_CPUS) return false;
  if (has_map(code)) return target < REPLAY_MAPS;
  if (code == OP_PROBE_ENTER) return context < CONTEXTS && target < REPLAY_PROBES;
  return (
    (code >= OP_PROBE_EXIT && code <= OP_MOD) ||
    (code >= OP_STR_PRINTF && code <= OP_STR_NUMBER) ||
    code == OP_PRINT_PRINTF ||
    code == OP_PRINT_FLUSH ||
    code == OP_RING_READ
  );
}

/** The ledger row in which a call is entered (X3), found as it begins; null if O2 refuses the operation. */
function attribution(code: i32, cpu: i32, context: i32, target: i32): Ledger | null {
  if (!is_known(code, cpu, context, target)) return null;
  const at = unchecked(cpus[cpu]);
  return code == OP_PROBE_ENTER ? at.ledgers[target] : at.row;
}

function call(code: i32, cpu: Cpu, context: i32, target: i32, value: i64): i32 {
  if (has_map(code)) return call_map(code, cpu, unchecked(maps[target]), value);
  return call_cpu(code, cpu, context, target, value);
}

function call_map(code: i32, cpu: Cpu, map: StpMap, value: i64): i32 {
  switch (code) {
    case OP_MAP_ADD:
      return map_add(cpu, map, args, value);
    case OP_MAP_SET:
      return map_set(cpu, map, args, value);
    case OP_MAP_GET:
      return map_get(cpu, map, args, outputs);
    case OP_MAP_CONTAINS:
      return map_contains(cpu, map, args, value);
    case OP_MAP_DEL:
      return map_del(cpu, map, args);
    case OP_MAP_WALK:
      walk.set(value);
      return map_walk(cpu, map, walk, outputs);
    case OP_MAP_CLEAR:
      return map_clear(cpu, map);
    case OP_MAP_SIZE:
      return map_size(map);
    case OP_MAP_HOLD:
      return map_hold(cpu, map);
    case OP_MAP_RELEASE:
      return map_release(cpu, map);
    case OP_MAP_SET_STRING:
      return map_set_string(cpu, map, args, text);
    case OP_MAP_APPEND:
      return map_append(cpu, map, args, text);
    case OP_MAP_STAT_ADD:
      return map_stat_add(cpu, map, args, value);
    case OP_MAP_PUSH:
      return map_push(cpu, map, value);
    case OP_MAP_PUSH_STRING:
      return map_push_string(cpu, map, text);
    case OP_MAP_DEL_SLICE:
      return map_del_slice(cpu, map, args, value);
    case OP_PRINT_MAP:
      walk.set(value);
      return print_map(cpu, map, walk);
    case OP_PRINT_HIST:
      return print_hist(cpu, map, args);
    default:
      return unreachable();
  }
}

function call_cpu(code: i32, cpu: Cpu, context: i32, target: i32, value: i64): i32 {
  switch (code) {
    case OP_PROBE_ENTER:
      return probe_enter(cpu, target, context);
    case OP_PROBE_EXIT:
      return probe_exit(cpu);
    case OP_RAISE:
      return raise(cpu, text, args);
    case OP_CATCH:
      return catch_error(cpu, outputs);
    case OP_DIV:
      return divide(cpu, args, false, outputs);
    case OP_MOD:
      return divide(cpu, args, true, outputs);
    case OP_STR_PRINTF:
      return str_printf(cpu, text, args, outputs);
    case OP_STR_COPY:
      return str_copy(cpu, args, outputs);
    case OP_STR_CONCAT:
      return str_concat(cpu, args, outputs);
    case OP_STR_SUBSTR:
      return str_substr(cpu, args, outputs);
    case OP_STR_REPLACE:
      return str_replace(cpu, args, outputs);
    case OP_STR_TOKEN:
      return str_token(cpu, args, outputs);
    case OP_STR_QUOTE:
      return str_quote(cpu, args, outputs);
    case OP_STR_COMPARE:
      return str_compare(args, outputs);
    case OP_STR_FIND:
      return str_find(args);
    case OP_STR_NUMBER:
      return str_number(args, outputs);
    case OP_PRINT_PRINTF:
      return print_printf(cpu, text, args);
    case OP_PRINT_FLUSH:
      return print_flush(cpu);
    case OP_RING_READ:
      return ring_read(cpu.ring, value, outputs);
    default:
      return unreachable();
  }
}
