/** Offsets and sizes of the wire structs, computed once from `protocol.ts`. */
import { STRUCTS, type FieldType, type Layout, type StructName } from "./protocol.ts";

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly doc: string;
  readonly offset: number;
  readonly size: number;
}

const SCALAR_SIZES = { u8: 1, u16: 2, u32: 4, u64: 8, s64: 8 } as const;

/** Size in bytes of one field. */
export function fieldSize(type: FieldType): number {
  if (typeof type === "string") return SCALAR_SIZES[type];
  return "bytes" in type ? type.bytes : type.u64s * 8;
}

function fieldAlignment(type: FieldType): number {
  if (typeof type === "string") return SCALAR_SIZES[type];
  return "bytes" in type ? 1 : 8;
}

/** Fields with offsets. Throws if the layout would need implicit padding on any machine. */
export function fieldsOf(name: StructName): readonly Field[] {
  let offset = 0;
  const layout: Layout = STRUCTS[name];
  const fields = layout.map(([field, type, doc]) => {
    if (offset % fieldAlignment(type) !== 0) throw new Error(`spec/protocol.ts: ${name}.${field} is not aligned; add explicit padding`);
    const at = offset;
    offset += fieldSize(type);
    return { name: field, type, doc, offset: at, size: fieldSize(type) };
  });
  if (offset % 8 !== 0) throw new Error(`spec/protocol.ts: ${name} is ${offset} bytes, not a multiple of 8; add explicit padding`);
  return fields;
}

/** Size of a wire struct in bytes. */
export function sizeOf(name: StructName): number {
  return fieldsOf(name).reduce((size, field) => size + field.size, 0);
}

const OFFSETS = new Map<StructName, ReadonlyMap<string, number>>();

/** Offset in bytes of one field of a wire struct. */
export function offsetOf(name: StructName, field: string): number {
  let offsets = OFFSETS.get(name);
  if (!offsets) OFFSETS.set(name, (offsets = new Map(fieldsOf(name).map((f) => [f.name, f.offset]))));
  const offset = offsets.get(field);
  if (offset === undefined) throw new Error(`spec/protocol.ts: ${name} has no field ${field}`);
  return offset;
}
