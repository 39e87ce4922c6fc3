/** The tables of docs/recording-format.md that follow from spec/. Siblings: limits.ts, documents.ts. */
import { fieldsOf, sizeOf } from "../spec/layout.ts";
import { CONTEXTS, ERRORS, EVENT_FLAGS, LIMITS, LOOKS, LOSS_CAUSES, LOSS_KINDS, RECORD_TYPES, type FieldType, type StructName } from "../spec/protocol.ts";
import { PAYLOAD_SIZE_MAX } from "../spec/recording/record.ts";
import { SYMBOLS_SIZE_MAX } from "../stpd/post/symbols.ts";

const row = (...cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
const table = (head: readonly string[], rows: readonly string[]): string => [row(...head), row(...head.map(() => "---")), ...rows].join("\n");

function typeName(type: FieldType): string {
  if (typeof type === "string") return type;
  return "bytes" in type ? `${type.bytes} bytes` : `${type.u64s} u64`;
}

const layout = (name: StructName) => (): string => table(["offset", "field", "type", "meaning"], fieldsOf(name).map(({ name: field, type, doc, offset }) => row(offset, `\`${field}\``, typeName(type), doc)));
const listed = (codes: Readonly<Record<string, number>>): string => Object.entries(codes).map(([name, code]) => `${code} *${name}*`).join(", ");
const named = (docs: Readonly<Record<string, string>>): string => table(["name", "meaning"], Object.entries(docs).map(([name, doc]) => row(`\`${name}\``, doc)));
const codes = (entries: Readonly<Record<string, { readonly code: number }>>): Record<string, number> => Object.fromEntries(Object.entries(entries).map(([name, { code }]) => [name, code]));

function limits(): string {
  return table(["what", "at most"], [
    row("bytes of a payload", PAYLOAD_SIZE_MAX),
    row("CPUs", LIMITS.CPUS_MAX.value),
    row("`sequence`", "2⁵³ − 1"),
    row("bytes of one file of symbols that `./stp post` reads", SYMBOLS_SIZE_MAX),
  ]);
}

/** By the name that the page gives the place. */
export const FORMAT_TABLES: Readonly<Record<string, () => string>> = {
  record_header: layout("record_header"),
  codes: () => `- \`context\`: ${listed(Object.fromEntries(CONTEXTS.map((name, code) => [name, code])))}.\n- \`type\`: ${listed(RECORD_TYPES)}.`,
  event: () => `${layout("event")()}\n\nThe head has ${sizeOf("event")} bytes.`,
  event_flags: () => `Bits of \`flags\`: ${listed(EVENT_FLAGS)}.`,
  look: layout("look"),
  looks: () => table(["kind", "name", "meaning"], Object.entries(LOOKS).map(([name, { code, doc }]) => row(code, `*${name}*`, doc))),
  errors: () => `Errors: ${listed(codes(ERRORS))}.`,
  kinds: () => named(LOSS_KINDS),
  causes: () => named(LOSS_CAUSES),
  limits,
};
