/**
 * Byte strings, and values that are an int64 or such a string: arguments, key parts, texts.
 *
 * A string either owns its memory (capacity > 0) or is a view of somebody else's (capacity 0). Never allocates after
 * construction; never knows what a string is for: who cuts also counts the cut.
 * Siblings: none; the C uses plain memory here.
 */

/** From here on one bulk copy is faster than a loop. */
const BULK_COPY_MIN: i32 = 64;

/** A string: `length` bytes from address `at`. */
export class Bytes {
  at: usize = 0;
  length: i32 = 0;

  /** Owns memory for `capacity` bytes, whole words, so that `string_dump` may load the last one; 0: a view. */
  constructor(readonly capacity: i32) {
    if (capacity > 0) this.at = changetype<usize>(new StaticArray<u64>((capacity + 7) >> 3)); // never freed: runtime "stub"
  }

  clear(): void {
    this.length = 0;
  }

  @inline
  byte(index: i32): u8 {
    return load<u8>(this.at + index);
  }

  /** Becomes a view of `length` bytes at an address. */
  view(at: usize, length: i32): void {
    this.at = at;
    this.length = length;
  }

  @inline
  push(byte: u8): void {
    assert(this.length < this.capacity, "a string outgrew its capacity");
    store<u8>(this.at + this.length, byte);
    this.length++;
  }

  /** Drops the first NUL and what follows. */
  end_at_nul(): void {
    for (let i = 0; i < this.length; i++) {
      if (this.byte(i) == 0) this.length = i;
    }
  }

  fill(byte: u8, count: i32): void {
    for (let i = 0; i < count; i++) this.push(byte);
  }

  /** Becomes the first `length` bytes of another string. */
  set(other: Bytes, length: i32): void {
    this.length = 0;
    this.append(other, length);
  }

  /** Appends the first `length` bytes of another string. */
  append(other: Bytes, length: i32): void {
    this.append_from(other, 0, length);
  }

  /** Appends `length` bytes of another string, from an offset on. */
  append_from(other: Bytes, from: i32, length: i32): void {
    assert(from + length <= other.length && this.length + length <= this.capacity, "a string outgrew its capacity");
    copy(this.at + this.length, other.at + from, length);
    this.length += length;
  }
}

function copy(to: usize, from: usize, length: i32): void {
  if (length >= BULK_COPY_MIN) {
    memory.copy(to, from, length);
    return;
  }
  let at = 0;
  for (; at + 8 <= length; at += 8) store<u64>(to + at, load<u64>(from + at));
  for (; at < length; at++) store<u8>(to + at, load<u8>(from + at));
}

/** The bytes of an ASCII text. */
export function bytes_of(text: string): Bytes {
  const bytes = new Bytes(text.length);
  for (let i = 0; i < text.length; i++) bytes.push(<u8>text.charCodeAt(i));
  return bytes;
}

/** Below, equal or above 0 as `a` is before, equal to or after `b`: unsigned bytes, a prefix first (M10). */
export function bytes_compare(a: Bytes, b: Bytes): i32 {
  const shared = min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = <i32>a.byte(i) - <i32>b.byte(i);
    if (difference != 0) return difference;
  }
  return a.length - b.length;
}

/** Whether `what` stands in `text` at an offset. */
export function bytes_stand_at(text: Bytes, offset: i32, what: Bytes): bool {
  if (offset + what.length > text.length) return false;
  for (let i = 0; i < what.length; i++) {
    if (text.byte(offset + i) != what.byte(i)) return false;
  }
  return true;
}

/** An int64 or a string. */
export class Value {
  is_string: bool = false;
  number: i64 = 0;
  readonly text: Bytes;

  constructor(text_capacity: i32) {
    this.text = new Bytes(text_capacity);
  }
}

/** Below, equal or above 0 as `a` is before, equal to or after `b`, which is of the same type (M10). */
export function value_compare(a: Value, b: Value): i32 {
  if (a.is_string) return bytes_compare(a.text, b.text);
  return a.number < b.number ? -1 : <i32>(a.number > b.number); // signed
}

/** The arguments of one call: views. Of a call that has more than it may, only the count is kept. */
export class Arguments {
  count: i32 = 0;
  readonly values: StaticArray<Value>;

  constructor(count_max: i32) {
    this.values = new StaticArray<Value>(count_max);
    for (let i = 0; i < count_max; i++) this.values[i] = new Value(0);
  }

  /** Argument `index`, which is below PRINT_ARGS_MAX. */
  @inline
  value(index: i32): Value {
    return unchecked(this.values[index]);
  }

  number(index: i32): i64 {
    return this.value(index).number;
  }

  text(index: i32): Bytes {
    return this.value(index).text;
  }

  /** Whether these are `count` arguments, of which those with a bit in `strings` are strings, the others int64. */
  fit(count: i32, strings: i32): bool {
    if (this.count != count) return false;
    for (let i = 0; i < count; i++) {
      if (this.value(i).is_string != (((strings >> i) & 1) != 0)) return false;
    }
    return true;
  }
}
