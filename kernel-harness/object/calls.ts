/**
 * The calls that the runtime's headers declare, and those of them that a probe can make.
 *
 * A call is measured unless not-from-probes.ts says why not; so a new declaration is never forgotten.
 */

/** Prefix of the functions of everything.c that hold one inlined call each. */
export const MEASURED = "measured_";

export interface DeclaredCalls {
  /** Functions with a body in runtime-c. */
  readonly functions: readonly string[];
  /** Macros and static inline functions for authors of probes. */
  readonly inlined: readonly string[];
}

/** What stp.h includes, and what those headers send an author to: there macros and inline functions are for authors. */
const FOR_AUTHORS = /\/(error|map|print|probe|stats|string|task)\.h$/;

/** The calls of `headers`, contents by path. */
export function declaredCalls(headers: Readonly<Record<string, string>>): DeclaredCalls {
  const functions = new Set<string>();
  const inlined = new Set<string>();
  for (const [path, text] of Object.entries(headers)) {
    const code = text.replace(/\/\*[^]*?\*\//g, "");
    const plain = code.replace(/^#(?:.*\\\n)*.*$/gm, "");
    for (const [, name] of plain.matchAll(/^(?!static\b|typedef\b|return\b|extern\b)[a-z][\w \t*]*?\b(stp_\w+)\([^;{}]*\);/gm)) functions.add(name!);
    if (!FOR_AUTHORS.test(path)) continue;
    for (const [, name] of plain.matchAll(/^static inline [\w \t*]*?\b(stp_\w+)\(/gm)) inlined.add(name!);
    for (const [, name] of code.matchAll(/^#define (stp_\w+)\(/gm)) inlined.add(name!);
  }
  return { functions: [...functions], inlined: [...inlined] };
}

/** `measured_stp_map_add__pair` as `stp_map_add (pair)`. */
export function shownName(symbol: string): string {
  if (!symbol.startsWith(MEASURED)) return symbol;
  const [call, variant] = symbol.slice(MEASURED.length).split("__");
  return variant === undefined ? call! : `${call} (${variant})`;
}
