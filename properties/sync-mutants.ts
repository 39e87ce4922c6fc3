/**
 * Synchronisation mutants of the C, made by rule: each barrier, lock, interrupt-off, preemption-off, busy check and free
 * dropped in turn, and two copies that refuse too much. Only interleaving can see most of them: sync-mutate.ts tries.
 *
 * Nothing here knows what the runtime does. A place where a change cannot be seen has its reason beside it.
 * Sibling: mutants.ts has those that one operation after the other can see.
 */
import type { RuntimeSources } from "../spec/runtime.ts";
import type { Mutant } from "./mutants.ts";

interface Rule {
  readonly name: string;
  readonly pattern: RegExp;
  readonly by: string;
}

/** What a line loses. */
const RULES: readonly Rule[] = [
  { name: "barrier is lost", pattern: /\bstp_(?:read_|write_)?barrier\(\);/, by: ";" },
  { name: "acquire is lost", pattern: /\bstp_load_acquire\(&([^()]+)\)/, by: "STP_READ($1)" },
  { name: "release is lost", pattern: /\bstp_store_release\(&([^,]+), (.+?)\);/, by: "STP_WRITE($1, $2);" },
  { name: "exchange is no longer atomic", pattern: /\bstp_cmpxchg\(&([^,]+), ([^,]+), ([^,()]+)\)/, by: "(STP_READ($1) == ($2) ? (STP_WRITE($1, $3), ($2)) : STP_READ($1))" },
  { name: "local exchange is a plain store", pattern: /\bstp_local_cmpxchg\(&([^,]+), ([^,]+), ([^()]+)\)/, by: "(STP_WRITE($1, $3), ($2))" },
  { name: "lock is not taken", pattern: /\bstp_map_take(?:_all|_others)?\((?!struct)[^()]*\)/, by: "true" },
  { name: "lock is not given back", pattern: /^(\t+)stp_map_give(?:_all|_others)?\((?!struct)[^()]*\);/, by: "$1;" },
  { name: "lock is given back by nobody", pattern: /^\tstp_store_release\(&part->owner, 0\);/, by: "\t;" },
  { name: "interrupts stay on", pattern: /\bstp_irq_save\(\)/, by: "0" },
  { name: "interrupts stay off", pattern: /\bstp_irq_restore\((?:call(?:->|\.))?flags\);/, by: ";" },
  { name: "preemption stays on", pattern: /\bstp_preempt_disable\(\);/, by: ";" },
  { name: "preemption stays off", pattern: /\bstp_preempt_enable\(\);/, by: ";" },
  { name: "nobody waits", pattern: /!stp_map_wait\((?!struct)[^()]*\)/, by: "true" },
  { name: "the interrupted holder is waited for", pattern: /if \(STP_READ\(part->owner\) == ctx->cpu->lock_id\)/, by: "if (0)" },
  { name: "a level is taken by two", pattern: /if \(outer != &cpu->none && outer->level >= level\)/, by: "if (0)" },
  { name: "the claim is lost", pattern: /^\tSTP_WRITE\(cpu->current_ctx, ctx\);/, by: "\t;" },
  { name: "the claim stays", pattern: /^\tSTP_WRITE\(cpu->current_ctx, ctx->outer\);/, by: "\t;" },
  { name: "a hit before the claim is not seen", pattern: /if \(stp_unlikely\(STP_READ\(ctx->hits\) != hits\)\)/, by: "if (0)" },
  { name: "a change is not announced", pattern: /^(\t+)stp_map_change\((?!struct)[^()]*\);/, by: "$1;" },
  { name: "copies are shown whatever has changed", pattern: /STP_READ\(walk->map->parts->changes\) != walk->room->changes/, by: "0" },
  { name: "nesting is not looked at", pattern: /if \(STP_READ\(ring->nest\) > 1\)/, by: "if (0)" },
  { name: "nesting is not counted", pattern: /^\tSTP_WRITE\(ring->nest, STP_READ\(ring->nest\) \+ 1\);/, by: "\t;" },
  { name: "nesting is not counted down", pattern: /^\t\tSTP_WRITE\(ring->nest, STP_READ\(ring->nest\) - 1\);/, by: "\t\t;" },
  { name: "nesting is set too late", pattern: /^\t\tSTP_WRITE\(ring->nest, 1\);/, by: "\t\t;" },
  { name: "nesting is never over", pattern: /^\t\tSTP_WRITE\(ring->nest, 0\);/, by: "\t\t;" },
  { name: "no second look", pattern: /\} while \(STP_READ\(ring->head\) != head\);/, by: "} while (0);" },
  { name: "two walks share a room", pattern: /if \(!stp_load_acquire\(&map->rooms\[i\]\.busy\)\)/, by: "if (1)" },
  { name: "a room is not taken", pattern: /^\t\t\tSTP_WRITE\(map->rooms\[i\]\.busy, 1\);/, by: "\t\t\t;" },
  { name: "memory is not given back", pattern: /^(\t+)(?:stp_free|map->scheme->give)\(.*\);/, by: "$1;" },
  { name: "it always answers EBUSY", pattern: /^\tif \((stp_unlikely\(stp_cmpxchg\(&part->owner)/, by: "\tif (1 || $1" },
  { name: "a refusal is not counted", pattern: /^(\t+)stp_ledger_lose\(row, STP_LOSS_KIND_MAP, error == .*\);/, by: "$1;" },
];

/**
 * What the search lets live, and why. The barriers are the compiler's: without them nothing changes that can be seen; they are kept
 * in the C because they say what must hold, whatever the accesses beside them become.
 */
const EXPLAINED: readonly { readonly name: RegExp; readonly line: RegExp; readonly reason: string }[] = [
  { name: /probe\.c:\d+ barrier is lost/, line: /stp_barrier/, reason: "volatile or atomic accesses stand on both sides, which the compiler keeps in order; what it might move, only a hit of the same level reads, and that cannot run in between" },
  { name: /ring\.c:\d+ barrier is lost/, line: /stp_barrier/, reason: "volatile or atomic accesses stand on both sides, which the compiler keeps in order; a nested writer has ended before whom it interrupted goes on" },
  { name: /ring\.c:\d+ barrier is lost/, line: /stp_(read|write)_barrier/, reason: "orders a snapshot of a ring that overwrites against its writer on another CPU; the machine takes snapshots while the writer stands still" },
  { name: /ring\.c:\d+ /, line: /&ring->tail, tail,|begin = stp_load_acquire|end = stp_load_acquire/, reason: "of a ring that overwrites: sim/overwrite.test.ts interrupts its writer at every event" },
  { name: /session\.c:\d+ exchange is no longer atomic/, line: /session\.errors/, reason: "caught by the watched world (case_errors_at_once); what is printed does not depend on the count" },
  { name: /(look|session)\.c:\d+ /, line: /session\.(recorder|order)|stp_irq_|level\]\.event/, reason: "of the recorder, which the programs here do not run; the watched world holds its lock and counts its memory, and recordings are compared with their replay" },
  { name: /session\.c:\d+ release is lost/, line: /STP_STATE_ENDED/, reason: "for readers on a kernel, which look at the state before they look at what is committed; the machine's reader looks at what is committed alone" },
  { name: /map_init\.c:\d+ lock is not given back/, line: /stp_map_give/, reason: "of the refill, which the programs here do not need; caught by the watched world (maps.c, refilled)" },
  { name: /map_init\.c:\d+ interrupts stay on/, line: /stp_irq_save/, reason: "an interrupt then finds the map held and is refused, which M6 permits; the C turns interrupts off so that fewer are" },
  { name: /ring\.c:\d+ nesting is set too late/, line: /ring->nest, 1/, reason: "caught by sim/ring.test.ts (NoRegression): it takes an irq, an nmi and a reader at three places" },
];

/** Headers with code of the core: what a program inlines. */
const HEADERS: readonly string[] = ["runtime-c/include/stp/map_core.h", "runtime-c/include/stp/map.h"];

/** All of them, in order of file, line and rule. */
export function syncMutants(runtime: RuntimeSources): Mutant[] {
  return [...HEADERS, ...runtime.core].flatMap((path) =>
    (runtime.files[path] ?? "").split("\n").flatMap((before, index) =>
      RULES.flatMap(({ name, pattern, by }) => {
        const code = before.replace(/\s*\/\*.*$/, "");
        const after = code.replace(pattern, by) + before.slice(code.length);
        return after === before ? [] : [{ name: `${path}:${index + 1} ${name}`, path, line: index + 1, before, after }];
      }),
    ),
  );
}

/** Why the search lets a mutant live, or undefined. */
export function explanationOf(mutant: Mutant): string | undefined {
  return EXPLAINED.find(({ name, line }) => name.test(mutant.name) && line.test(mutant.before))?.reason;
}
