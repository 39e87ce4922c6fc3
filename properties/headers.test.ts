/** What the headers say of errors is what the protocol says: each call's `Return:` lines against `OPERATIONS`. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ERRORS, OPERATIONS, type ErrorName, type OperationName } from "../spec/protocol.ts";

const HEADERS = fileURLToPath(new URL("../runtime-c/include/stp/", import.meta.url));

interface Said {
  /** The function that makes the operation; undefined if no public one does. */
  readonly by: string | undefined;
  /** Errors of the operation that its function does not return, and why. */
  readonly except?: readonly ErrorName[];
  readonly because?: string;
}

const by = (name: string): Said => ({ by: name });
/** Its arguments have C types: what B4 and X8 refuse for their number and types does not compile. */
const typed = (name: string, ...except: ErrorName[]): Said => ({ by: name, except: ["EINVAL", ...except], because: "arguments have C types" });
const none = (because: string, ...except: ErrorName[]): Said => ({ by: undefined, except, because });

const CALLS: Readonly<Record<OperationName, Said>> = {
  probe_enter: { by: "stp_probe_enter", except: ["ENESTED"], because: "it returns a context, and NULL for ENESTED" },
  probe_exit: { by: "stp_probe_exit", except: ["ESTATE"], because: "it takes the context, so there is one" },
  raise: by("stp_raise_args"),
  catch: by("stp_catch"),
  div: typed("stp_divide_int64"),
  mod: typed("stp_modulo_int64"),
  map_add: by("stp_map_add_args"),
  map_set: by("stp_map_set_args"),
  map_get: by("stp_map_read"),
  map_contains: by("stp_map_contains_args"),
  map_del: by("stp_map_del_args"),
  map_walk: by("stp_walk_begin"),
  map_clear: by("stp_map_clear_all"),
  map_size: by("stp_map_entries"),
  map_hold: none("stands for an interrupted call", "EBUSY"),
  map_release: none("stands for an interrupted call", "ESTATE"),
  map_set_string: by("stp_map_set_string_args"),
  map_append: by("stp_map_append_args"),
  map_stat_add: by("stp_map_stat_add_args"),
  map_push: by("stp_map_push_value"),
  map_push_string: by("stp_map_push_text"),
  map_del_slice: by("stp_map_del_slice_args"),
  str_printf: by("stp_string_printf"),
  str_copy: typed("stp_string_copy"),
  str_concat: typed("stp_string_concat"),
  str_substr: typed("stp_string_substr"),
  str_replace: typed("stp_string_replace"),
  str_token: typed("stp_string_token"),
  str_quote: typed("stp_string_quote"),
  str_compare: typed("stp_string_compare"),
  str_find: typed("stp_string_find"),
  str_number: by("stp_string_number"),
  print_printf: by("stp_printf_args"),
  print_flush: by("stp_print_flush"),
  print_map: by("stp_print_map_options"),
  print_hist: by("stp_print_hist_args"),
  ring_read: none("the transport's reader peeks and consumes"),
};

interface Doc {
  readonly name: string;
  /** What stands behind `Return:`; undefined if nothing does. */
  readonly returns: string | undefined;
}

/** Comments of the form `name() - …`, long and of one line. */
function docsOf(header: string): Doc[] {
  const comments = header.matchAll(/\/\*\*?\s*(?:\* )?(\w+)\(\) - ([\s\S]*?)\*\//g);
  return Array.from(comments, ([, name, text]) => ({ name: name!, returns: /Return:\s*((?:.|\n(?!\s*\*\s*\w+:))*)/.exec(text!)?.[1] }));
}

const headers = readdirSync(HEADERS).filter((file) => file.endsWith(".h")).map((file) => readFileSync(`${HEADERS}${file}`, "utf8"));
const docs: ReadonlyMap<string, Doc> = new Map(headers.flatMap(docsOf).map((doc) => [doc.name, doc]));
const isDeclared = (name: string): boolean => headers.some((header) => new RegExp(`^\\w[\\w *]*\\b${name}\\(`, "m").test(header));

/** Errors that a function's doc names, itself or by "As …()". */
function errorsOf(name: string, asked: readonly string[] = []): ReadonlySet<string> {
  if (asked.includes(name)) throw new Error(`The docs of ${[...asked, name].join(", ")} refer to each other`);
  const returns = docs.get(name)?.returns ?? "";
  const own = Array.from(returns.matchAll(/-STP_(E[A-Z]+)/g), ([, error]) => error!);
  const inherited = Array.from(returns.matchAll(/\b[Aa]s (\w+)\(\)/g), ([, other]) => [...errorsOf(other!, [...asked, name])]);
  return new Set([...own, ...inherited.flat()]);
}

const sorted = (errors: Iterable<string>): string[] => [...errors].sort();

describe("the headers' Return: lines agree with OPERATIONS", () => {
  test.each(Object.entries(CALLS) as [OperationName, Said][])("of %s", (operation, { by: name, except = [], because }) => {
    const errors: readonly ErrorName[] = OPERATIONS[operation].errors;
    expect(except.filter((error) => !errors.includes(error)), `exceptions that are none (${because})`).toEqual([]);
    if (name === undefined) return expect(except).toEqual(errors);
    expect(isDeclared(name), `${name}() is declared`).toBe(true);
    const expected = errors.filter((error) => !except.includes(error));
    if (expected.length > 0) expect(docs.get(name)?.returns, `Return: of ${name}()`).toBeDefined();
    expect(sorted(errorsOf(name)), name).toEqual(sorted(expected));
  });

  test("name no error that there is not", () => {
    const named = [...docs.values()].flatMap(({ returns }) => Array.from(returns?.matchAll(/STP_(E[A-Z]+)\b/g) ?? [], ([, error]) => error!));
    expect(named.length).toBeGreaterThan(50);
    expect(sorted(new Set(named)).filter((error) => !(error in ERRORS))).toEqual([]);
  });
});
