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

/** A whole statement on a line of its own. */
const STATEMENT = /^\t+(?!(?:case|default|static|const|struct|unsigned|int|u8|u16|u32|u64|s64|bool|char|s32|size_t|void)\b)[^\s{}#/].*;$/;
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
  { name: "shift goes the other way", pattern: / << /g, by: " >> " },
  { name: "shift goes the other way", pattern: / >> /g, by: " << " },
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
  /** Of the mutant's name behind the place. */
  readonly rule?: string;
  readonly line: RegExp;
  readonly reason: string;
}

export const EQUIVALENT: readonly Equivalent[] = [];

/** Why a mutant is called equivalent, or undefined. */
export function equivalenceOf({ path, name, before }: Mutant): Equivalent | undefined {
  return EQUIVALENT.find((one) => path.endsWith(`/${one.path}`) && one.line.test(before) && (one.rule === undefined || name.includes(` ${one.rule}`)));
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
