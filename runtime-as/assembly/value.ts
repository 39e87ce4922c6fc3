/**
 * Bounded byte strings, and values that are an int64 or such a string: arguments, key parts, texts.
 *
 * Never allocates after construction; never knows what a string is for: who cuts also counts the cut.
 * Siblings: none; the C uses plain memory here.
 */

/** A string of at most `capacity` bytes, owned by who constructed it. */
export class Bytes {
  length: i32 = 0;
  readonly data: StaticArray<u8>;

  constructor(readonly capacity: i32) {
    this.data = new StaticArray<u8>((capacity + 7) & ~7); // whole words, so that `word` may load the last one
  }

  clear(): void {
    this.length = 0;
  }

  push(byte: u8): void {
    assert(this.length < this.capacity, "a string outgrew its capacity");
    this.data[this.length++] = byte;
  }

  /** Takes `length` bytes at an address, of which `capacity` must hold all. */
  load_from(address: usize, length: i32): void {
    assert(length <= this.capacity, "a string outgrew its capacity");
    memory.copy(changetype<usize>(this.data), address, length);
    this.length = length;
  }

  /** Appends the first `length` bytes of another string, of which `capacity` must hold all. */
  append(other: Bytes, length: i32): void {
    assert(length <= other.length && this.length + length <= this.capacity, "a string outgrew its capacity");
    memory.copy(changetype<usize>(this.data) + this.length, changetype<usize>(other.data), length);
    this.length += length;
  }

  /** The string's words in a dump (O6). */
  words(): i32 {
    return (this.length + 7) / 8;
  }

  /** Bytes 8 * index … as a little-endian word, zero-padded (O6). */
  word(index: i32): u64 {
    assert(index < this.words(), "a word beyond the string");
    const word = load<u64>(changetype<usize>(this.data) + index * 8);
    const bytes = this.length - index * 8;
    return bytes >= 8 ? word : word & (((<u64>1) << (bytes * 8)) - 1);
  }
}

/** Below, equal or above 0 as `a` is before, equal to or after `b`: unsigned bytes, a prefix first (M10). */
export function bytes_compare(a: Bytes, b: Bytes): i32 {
  const shared = min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = <i32>a.data[i] - <i32>b.data[i];
    if (difference != 0) return difference;
  }
  return a.length - b.length;
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

/** The arguments of one call. Of a call that has more than it may, only the count is kept. */
export class Arguments {
  count: i32 = 0;
  readonly values: StaticArray<Value>;

  constructor(readonly count_max: i32, text_capacity: i32) {
    this.values = new StaticArray<Value>(count_max);
    for (let i = 0; i < count_max; i++) this.values[i] = new Value(text_capacity);
  }
}
