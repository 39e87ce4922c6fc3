/** Operations as bytes, each encoded once: programs share them, and they never change. */
import { sizeOf } from "../../spec/layout.ts";
import { encodeBatch, type Operation } from "../operations.ts";

const batches = new WeakMap<Operation, Uint8Array>();
const HEADER_SIZE = sizeOf("batch_header");

/** A batch of that one operation. */
export function encoded(op: Operation): Uint8Array {
  let batch = batches.get(op);
  if (!batch) batches.set(op, (batch = encodeBatch([op])));
  return batch;
}

/** The operation alone. */
export function encodedOperation(op: Operation): Uint8Array {
  return encoded(op).subarray(HEADER_SIZE);
}
