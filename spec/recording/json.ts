/**
 * JSON whose shape is not known to be right: 64-bit integers kept exact, every value checked where it is read.
 *
 * `JSON.parse` rounds an integer above 2^53, so long integers are turned into decimal strings before it sees them.
 * Siblings: manifest.ts, its only reader.
 */

/** Digits from which an integer may exceed 2^53 - 1 (9007199254740991). */
const LONG_INTEGER = /"(?:[^"\\]|\\.)*"|-?\d{16,}/g;

/** What a value is not, and where: "ledger[3].cut is not a count". */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** A JSON value, with its path for messages. */
export interface Json {
  readonly path: string;
  readonly value: unknown;
}

/** Throws SyntaxError if the text is not JSON. */
export function parseJson(text: string): Json {
  const quoted = text.replace(LONG_INTEGER, (token) => (token.startsWith('"') ? token : `"${token}"`));
  return { path: "", value: JSON.parse(quoted) };
}

/** The field `name` of an object. */
export function field(json: Json, name: string): Json {
  const path = json.path ? `${json.path}.${name}` : name;
  const { value } = json;
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) throw new ShapeError(`${path} is missing`);
  return { path, value: (value as Readonly<Record<string, unknown>>)[name] };
}

/** The elements of an array. */
export function elements(json: Json): readonly Json[] {
  if (!Array.isArray(json.value)) throw new ShapeError(`${json.path} is not an array`);
  return json.value.map((value: unknown, i) => ({ path: `${json.path}[${i}]`, value }));
}

export function text(json: Json): string {
  if (typeof json.value !== "string") throw new ShapeError(`${json.path} is not a string`);
  return json.value;
}

/** One of a few strings. */
export function oneOf<Name extends string>(json: Json, names: readonly Name[]): Name {
  const name = names.find((known) => known === json.value);
  if (name === undefined) throw new ShapeError(`${json.path} is none of ${names.join(", ")}`);
  return name;
}

/** An integer from `min` to `max`, both at most 2^53 - 1. */
export function integer(json: Json, min: number, max: number): number {
  const { value } = json;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
    throw new ShapeError(`${json.path} is not an integer from ${min} to ${max}`);
  return value;
}

/** A 64-bit counter, unsigned. The C prints counters with %d: one from 2^63 on arrives negative. */
export function counter(json: Json): bigint {
  const { value, path } = json;
  const isInteger = typeof value === "number" ? Number.isInteger(value) : typeof value === "string" && /^-?\d{1,20}$/.test(value);
  if (!isInteger) throw new ShapeError(`${path} is not a count`);
  const count = BigInt(value as number | string);
  if (count < -(1n << 63n) || count >= 1n << 64n) throw new ShapeError(`${path} does not fit 64 bits`);
  return BigInt.asUintN(64, count);
}
