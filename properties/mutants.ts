/**
 * Mutants of the C, made by rule: each changes one place of one file, and each must be caught by verification.
 *
 * A rule rewrites one line. Places where a change cannot be seen, or where it would loop for ever, are excluded by
 * name and reason. Nothing here knows what the runtime does.
 */
import type { RuntimeSources } from "../spec/runtime.ts";

export interface Mutant {
  /** file:line rule, for messages and to find it again. */
  readonly name: string;
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
}

interface Rule {
  readonly name: string;
  /** The changed line, or undefined if the rule does not apply to it. */
  readonly apply: (line: string) => string | undefined;
}

/** Replaces the first match; undefined if there is none. */
function replace(pattern: RegExp, by: string): Rule["apply"] {
  return (line) => (pattern.test(line) ? line.replace(pattern, by) : undefined);
}

const STATEMENT = /^\t+[^\s{}].*;$/;
const NO_STATEMENT = /^\t+(return|break|continue|goto|static|const|struct|unsigned|int|u8|u16|u32|u64|s64|bool|char|s32)\b/;

/** The rules: bounds, compares, counts, constants, lost statements. */
export const RULES: readonly Rule[] = [
  { name: "less becomes less-or-equal", apply: replace(/ < /, " <= ") },
  { name: "greater becomes greater-or-equal", apply: replace(/ > /, " >= ") },
  { name: "greater-or-equal becomes greater", apply: replace(/ >= /, " > ") },
  { name: "equal becomes unequal", apply: replace(/ == /, " != ") },
  { name: "unequal becomes equal", apply: replace(/ != /, " == ") },
  { name: "plus becomes minus", apply: replace(/ \+ /, " - ") },
  { name: "minus becomes plus", apply: replace(/ - /, " + ") },
  { name: "and becomes or", apply: replace(/ && /, " || ") },
  { name: "or becomes and", apply: replace(/ \|\| /, " && ") },
  { name: "increment becomes decrement", apply: replace(/\+\+/, "--") },
  { name: "decrement becomes increment", apply: replace(/--/, "++") },
  { name: "one becomes two", apply: replace(/\b1\b(?!\d)/, "2") },
  { name: "zero becomes one", apply: replace(/\b0\b(?!x)/, "1") },
  { name: "true becomes false", apply: replace(/\btrue\b/, "false") },
  { name: "not is lost", apply: replace(/!(?=[a-z(*])/, "") },
  { name: "statement is lost", apply: (line) => (STATEMENT.test(line) && !NO_STATEMENT.test(line) ? line.replace(/\S.*$/, ";") : undefined) },
];

/** Files that a replay can reach. */
const FILES = ["format", "map", "print", "probe", "ring", "string", "walk"].map((unit) => `runtime-c/src/${unit}.c`);

/** A mutant whose line has one of these is not made. The reason is why no sequential replay can see it, or end. */
const EXCLUDED: readonly { readonly path?: string; readonly line: RegExp; readonly reason: string }[] = [
  { line: /^\s*(\/[/*]|\*|#)/, reason: "comment or preprocessor" },
  { line: / [<>] .* \? /, reason: "the smaller or larger of two: equal ones give the same" },
  { line: /^\s*(for|while|do|\} while)\b/, reason: "the head of a loop: the mutant may never end" },
  { line: /stp_barrier|STP_WRITE|nest|enter_write|stp_port_wake|wake_size|_acquire|_release/, reason: "order, wake-up or nesting: for the machine, which interleaves" },
  { line: /preempt|irq_|tries|relax|wait_for_owner|SPINS|map->owner\) &&|return true;/, reason: "contention: for the machine" },
  { path: "map.c", line: /hash|mix|BUCKETS|buckets \*=|bucket_mask|word\b|kvzalloc|stp_alloc|no_memory/, reason: "hashing spreads entries and is not visible; allocation does not fail in a replay" },
  { path: "map.c", line: /entries_max > |string_size > |map->owner = |map->order_next = 0|map->free = 0|->busy = 0|orders\[i\]|map->buckets && |stp_map_fini\(map\)|map->buckets = NULL|map->nodes = NULL|stp_free/, reason: "init and fini of the fixed maps of a replay" },
  { path: "map.c", line: /chain|unlist|->next|->prev|map->first|map->free|index = |return 0;|while \(/, reason: "links of chains and lists: a broken one may be followed for ever" },
  { path: "map.c", line: /lookup->length\[i\]\] = 0|STP_MAP_ORDER_FREE/, reason: "for walks that copy strings or are changed under way, which a replay does not make" },
  { path: "format.c", line: /at - begin/, reason: "a difference of pointers: its sum does not compile" },
  { path: "map.c", line: /words \+=|node_size = sizeof|lay_out\(map\)/, reason: "nodes that overlap: a broken chain may be followed for ever" },
  { path: "map.c", line: /string_size = STP_STRING_SIZE_MAX|u32 words = 0|1 \+ \(map->string_size/, reason: "a node larger than it need be is not visible, and no map of a replay leaves its string size open" },
  { path: "map.c", line: /\(const u8 \*\)node/, reason: "a difference of pointers: its sum does not compile" },
  { path: "walk.c", line: /left->order <|order > 0 :|if \(count < limit\)|% 2/, reason: "equal operands cannot occur there, or give the same" },
  { path: "walk.c", line: /it->map|return 0;|!string\)|order->node\[walk->next/, reason: "accessors that a replay does not call, and the step of a loop" },
  { path: "walk.c", line: /busy|strings|stp_string_take|ctx|string\[|index, i|take_order|STP_MAP_WALKS_MAX/, reason: "walks of a replay are not nested and take no strings" },
  { path: "walk.c", line: /options\.limit && |child|moving|sink\(|made_before|order < walk|out\[i\]|walk->order = NULL|walk->count = 0|count = 0/, reason: "the heap's inner shape, and changes under a walk, which a replay does not make" },
  { path: "probe.c", line: /if \(!ctx\)|ctx = stp_probe_enter|\tstp_probe_exit\(ctx\)/, reason: "whole hits, which a replay does not make" },
  { path: "probe.c", line: /session\.state|hit = |record|rank|body/, reason: "a replay enters and exits, it does not hit" },
  { path: "string.c", line: /length = text.size/, reason: "the pool behind a string is not part of a dump" },
  { path: "ring.c", line: /until_end|begin = ring->tail|ring->data \+ begin;/, reason: "the reader's look at the memory, which a replay does not take" },
  { path: "string.c", line: /string\[0\]|stp_string_take|\*out = ""|sprintf_args|&string, format/, reason: "convenience calls that a replay does not make" },
  { path: "format.c", line: /room = text->size/, reason: "it writes beyond the buffer, and what that hits differs: for the sanitizers of the native world" },
  { path: "ring.c", line: /&zeros/, reason: "stale padding shows only when the ring has gone round, which takes more than six operations" },
  { path: "format.c", line: /text->length < text->size/, reason: "at equality there is no room, and nothing is written" },
  { path: "format.c", line: /digits\[--at\]|\bat\+\+/, reason: "the body of a loop that ends by it" },
  { path: "format.c", line: /DIGITS_MAX|STP_STRING_SIZE_MAX|STP_PRINT_ARGS_MAX/, reason: "replay strings are shorter; the buffer only needs to be large enough" },
];

/** All mutants, in order of file, line and rule. */
export function allMutants(runtime: RuntimeSources): Mutant[] {
  return FILES.flatMap((path) =>
    (runtime.files[path] ?? "").split("\n").flatMap((before, index) => {
      if (EXCLUDED.some((exclusion) => path.endsWith(exclusion.path ?? "") && exclusion.line.test(before))) return [];
      return RULES.flatMap((rule) => {
        const code = before.replace(/\s*\/\*.*$/, "");
        const after = rule.apply(code)?.concat(before.slice(code.length));
        return after === undefined || after === before ? [] : [{ name: `${path}:${index + 1} ${rule.name}`, path, line: index + 1, before, after }];
      });
    }),
  );
}

/** The sources with the mutant in them. */
export function plant(runtime: RuntimeSources, mutant: Mutant): RuntimeSources {
  const lines = runtime.files[mutant.path]!.split("\n");
  if (lines[mutant.line - 1] !== mutant.before) throw new Error(`Mutant ${mutant.name} does not fit its source`);
  return { ...runtime, files: { ...runtime.files, [mutant.path]: lines.with(mutant.line - 1, mutant.after).join("\n") } };
}
