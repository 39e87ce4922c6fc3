/**
 * Mutants of the C, made by rule: each changes one place of one file, and each must be caught.
 *
 * All code is mutated: every unit of runtime-c/src, and the functions in the headers that hold code. A rule is tried at each place
 * of a line that it fits. What does not compile is no mutant. Nothing here knows what the runtime does, but `EQUIVALENT`.
 * Siblings: mutate.ts runs them; mutant-stages.ts is what must catch them.
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

/** Replaces each place that fits, one at a time. */
interface Rule {
  readonly name: string;
  readonly pattern: RegExp;
  readonly by: string;
}

/** A whole statement on a line of its own; `(void)name;` does nothing. */
const STATEMENT = /^\t+(?!\(void\)\w+;)(?!(?:case|default|static|const|struct|unsigned|int|u8|u16|u32|u64|s64|bool|char|s32|size_t|void)\b)[^\s{}#/].*;$/;
/** One that ends a function, whose loss would only be undefined; within a block it is a statement like others. */
const LAST_RETURN = /^\treturn\b/;

/** The rules: compares, bounds, counts, constants, conditions, lost statements. */
export const RULES: readonly Rule[] = [
  { name: "less becomes less-or-equal", pattern: / < /g, by: " <= " },
  { name: "less-or-equal becomes less", pattern: / <= /g, by: " < " },
  { name: "greater becomes greater-or-equal", pattern: / > /g, by: " >= " },
  { name: "greater-or-equal becomes greater", pattern: / >= /g, by: " > " },
  { name: "equal becomes unequal", pattern: / == /g, by: " != " },
  { name: "unequal becomes equal", pattern: / != /g, by: " == " },
  { name: "plus becomes minus", pattern: / \+ /g, by: " - " },
  { name: "minus becomes plus", pattern: / - /g, by: " + " },
  { name: "times becomes plus", pattern: / \* /g, by: " + " },
  { name: "divided becomes times", pattern: / \/ /g, by: " * " },
  { name: "left shift goes right", pattern: / << /g, by: " >> " },
  { name: "right shift goes left", pattern: / >> /g, by: " << " },
  { name: "added becomes taken away", pattern: / \+= /g, by: " -= " },
  { name: "taken away becomes added", pattern: / -= /g, by: " += " },
  { name: "and becomes or", pattern: / && /g, by: " || " },
  { name: "or becomes and", pattern: / \|\| /g, by: " && " },
  { name: "increment becomes decrement", pattern: /\+\+/g, by: "--" },
  { name: "decrement becomes increment", pattern: /--/g, by: "++" },
  { name: "one becomes two", pattern: /\b1\b/g, by: "2" },
  { name: "zero becomes one", pattern: /\b0\b/g, by: "1" },
  { name: "true becomes false", pattern: /\btrue\b/g, by: "false" },
  { name: "false becomes true", pattern: /\bfalse\b/g, by: "true" },
  { name: "not is lost", pattern: /(?<!!)!(?=[a-zA-Z(*])/g, by: "" },
];
const LOST = "statement is lost";
export const RULE_NAMES: readonly string[] = [...new Set([...RULES.map(({ name }) => name), LOST])];

/** Headers whose functions are mutated as those of src/ are. */
const HEADERS = ["map_core", "stats"].map((unit) => `runtime-c/include/stp/${unit}.h`);

/** A mutant that no test can tell from the C as it is. */
export interface Equivalent {
  readonly path: string;
  /** How the rule's name begins, or what fits it. */
  readonly rule?: string | RegExp;
  readonly line: RegExp;
  readonly reason: string;
}

const SAME_IF_EQUAL = "the smaller or larger of two, or a step of 0: if they are equal, both ways give the same";
const NEGATED_ZERO = "0 negated is 0";

export const EQUIVALENT: readonly Equivalent[] = [
  // Equal operands give the same.
  { path: "format.c", line: /how->width > length|how->precision > size/, rule: "greater", reason: SAME_IF_EQUAL },
  { path: "format.c", line: /precision < length \?|size - at < sizeof|there - at < now|at < there\)/, rule: "less", reason: SAME_IF_EQUAL },
  { path: "hist.c", line: /return a > b \? a : b|most\)$|row > picture->first \+ MARGIN|width > length\.length/, rule: "greater", reason: SAME_IF_EQUAL },
  { path: "hist.c", line: /row \+ MARGIN < picture->last/, rule: "less", reason: SAME_IF_EQUAL },
  { path: "map_init.c", line: /lacks < room|spare < map->reserve/, rule: "less", reason: SAME_IF_EQUAL },
  { path: "sort.c", line: /return a < b \? a : b|\*a < \*b \? \*a : \*b/, rule: "less", reason: SAME_IF_EQUAL },
  { path: "string.c", line: /length < there - start|a_length < b_length \? a_length/, rule: "less", reason: SAME_IF_EQUAL },
  { path: "string.c", line: /return length > TEXT_MAX/, rule: "greater", reason: SAME_IF_EQUAL },
  { path: "text.c", line: /size < room|count < room|length < text->size/, rule: "less", reason: SAME_IF_EQUAL },
  { path: "probe.c", line: /now > TIME_CHECK_ACTIONS/, rule: "greater", reason: SAME_IF_EQUAL },
  { path: "stats.c", line: /from->min < to->min/, rule: "less", reason: SAME_IF_EQUAL },
  { path: "stats.c", line: /from->max > to->max/, rule: "greater", reason: SAME_IF_EQUAL },
  { path: "stats.c", line: /return a\[i\] > b\[i\]/, rule: "greater", reason: "it stands behind a test that they differ" },
  { path: "stats.h", line: /value < stats->min/, rule: "less", reason: SAME_IF_EQUAL },
  { path: "stats.h", line: /value > stats->max/, rule: "greater", reason: SAME_IF_EQUAL },
  { path: "manifest.c", line: /text\.length < text\.size \?/, rule: "less", reason: SAME_IF_EQUAL },
  { path: "format.c", line: /< 19 && value >= limit/, rule: "less becomes less-or-equal (2)", reason: "no int64 has 20 digits, so that the second condition ends it" },
  // The sign of 0.
  { path: "error.c", line: /value < 0 \? 0 - |\(a < 0\) != |a < 0 \? \(s64\)/, rule: "less", reason: NEGATED_ZERO },
  { path: "format.c", line: /value < 0 \? 0 - |value < 0 \? -value|number < 0 \? 0 - |number < 0\) < 19/, rule: "less", reason: NEGATED_ZERO },
  { path: "stats.h", line: /value < 0 \? 0 - |return value < 0 \?/, rule: "less", reason: NEGATED_ZERO },
  // What cannot be, or cannot be seen.
  { path: "hist.c", line: /most > ~0ull - \(COLUMNS/, reason: "near the limit both formulas of the scale give the same" },
  { path: "show.c", line: /stats->count, false/, reason: "nobody takes 2^63 samples" },
  { path: "sort.c", line: /stp_stats_clear\(stats, NULL, 0\)|stp_stats_merge\(stats, NULL/, rule: "zero becomes one", reason: "without buckets their number is not looked at" },
  { path: "sort.c", line: /return first \? first|return \(s64\)left\[1\]|return left\[0\]/, rule: "one becomes two", reason: "only the sign is looked at" },
  { path: "map_core.h", line: /STP_SHAPE\(0, 0\)/, rule: "zero becomes one (2)", reason: "STP_SHAPE(0, 1) is STP_SHAPE(0, 0)" },
  { path: "probe.c", line: /STP_WRITE\(ctx->hits/, rule: "plus becomes minus", reason: "any other number tells who was interrupted that there was a hit" },
  { path: "probe.c", line: /STP_WRITE\(ctx->hits/, rule: "one becomes two", reason: "any other number tells who was interrupted that there was a hit" },
  { path: "string.c", line: /if \(begins_with\(string \+ at/, rule: "minus becomes plus", reason: "the head of the loop has seen that there is enough" },
  { path: "string.c", line: /size = stp_escape\(string \+ at, length - at, '"', false, unit, &used\);/, rule: "minus becomes plus", reason: "what is shortened ends before the string does" },
  { path: "session.c", line: /size & \(size - 1\)/, rule: /^one becomes two$/, reason: "of sizes from 128 on the same ones pass, the powers of two" },
  { path: "string.c", line: /start >= 0 && start <= there/, rule: "less-or-equal", reason: "from the end on there is nothing to copy" },
  { path: "probe.c", line: /^\tctx->rest = 0;/, rule: "statement is lost", reason: "nobody looks at the rest of a hit that is exhausted" },
  { path: "map_core.h", line: /shape != 2 && node->hash/, rule: /^unequal becomes equal$/, reason: "comparing hashes first only saves time" },
  { path: "map_core.h", line: /changes/, rule: "plus becomes minus", reason: "any other number tells a walk that something changed" },
  { path: "map_core.h", line: /changes/, rule: "one becomes two", reason: "any other number tells a walk that something changed" },
];

/** Why a mutant is called equivalent, or undefined. */
export function equivalenceOf({ path, name, before }: Mutant): Equivalent | undefined {
  const ruleOf = name.slice(name.indexOf(" ") + 1);
  const fits = (rule: string | RegExp = ""): boolean => (typeof rule === "string" ? ruleOf.startsWith(rule) : rule.test(ruleOf));
  return EQUIVALENT.find((one) => path.endsWith(`/${one.path}`) && one.line.test(before) && fits(one.rule));
}

/** Lines with their code alone: comments and strings blanked out, "" for what is no code (preprocessor; in a header, what is in no function). */
function codeOf(path: string, text: string): string[] {
  const blanked = text.replace(/"(?:\\.|[^"\\\n])*"|\/\*[\s\S]*?\*\/|\/\/.*/g, (piece) => piece.replace(/[^\n]/g, piece[0] === '"' ? "_" : " "));
  let inDirective = false;
  let inFunction = !path.endsWith(".h");
  return blanked.split("\n").map((line) => {
    const directive = inDirective || /^\s*#/.test(line);
    inDirective = directive && line.endsWith("\\");
    if (path.endsWith(".h") && /^[{}]/.test(line)) inFunction = line[0] === "{";
    return directive || !inFunction ? "" : line.trimEnd();
  });
}

/** What the rules make of one line, by name. */
function changes(before: string, code: string): [name: string, after: string][] {
  const changed = RULES.flatMap(({ name, pattern, by }) =>
    [...code.matchAll(pattern)].map((match, nth): [string, string] => [`${name}${nth > 0 ? ` (${nth + 1})` : ""}`, before.slice(0, match.index) + by + before.slice(match.index + match[0].length)]),
  );
  if (STATEMENT.test(code) && !LAST_RETURN.test(code)) changed.push([LOST, `${/^\t+/.exec(before)![0]};`]);
  return changed;
}

/** All mutants, in order of file, line and rule. */
export function allMutants(runtime: RuntimeSources): Mutant[] {
  return [...runtime.core, ...HEADERS].flatMap((path) => {
    const text = runtime.files[path];
    if (text === undefined) throw new Error(`There is no ${path} to mutate`);
    const code = codeOf(path, text);
    return text.split("\n").flatMap((before, index) =>
      changes(before, code[index]!).map(([rule, after]) => ({ name: `${path}:${index + 1} ${rule}`, path, line: index + 1, before, after })),
    );
  });
}

/** The sources with the mutant in them. */
export function plant(runtime: RuntimeSources, mutant: Mutant): RuntimeSources {
  const lines = runtime.files[mutant.path]!.split("\n");
  if (lines[mutant.line - 1] !== mutant.before) throw new Error(`Mutant ${mutant.name} does not fit its source`);
  return { ...runtime, files: { ...runtime.files, [mutant.path]: lines.with(mutant.line - 1, mutant.after).join("\n") } };
}
