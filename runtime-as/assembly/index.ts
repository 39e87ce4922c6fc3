/**
 * The model's exports: what a host needs to run replays.
 *
 * Never adds behaviour of its own; holds the buffer that host and model share.
 * Sibling: runtime-c/replay/replay.c
 */
import { PROTOCOL_VERSION } from "./protocol.gen";
import { digest_absorb } from "./dump";
import { session_dump } from "./replay";

export { replay_discard, replay_init, replay_outputs, replay_outputs_size, replay_run } from "./replay";
export { replay_step } from "./steps";

let buffer = new StaticArray<u64>(0);

/**
 * A buffer of at least `size` bytes for a batch and its results, valid until the next call.
 * Grows at least twofold: the memory of smaller ones is never freed, and is less than that of the last.
 */
export function replay_alloc(size: i32): usize {
  const words = (size + 7) / 8;
  if (words > buffer.length) buffer = new StaticArray<u64>(max(words, buffer.length * 2));
  return changetype<usize>(buffer);
}

/** The full dump of the session now; its size is replay_dump_size(). */
export function replay_dump(): usize {
  return session_dump().begin;
}

/** Bytes of the full dump of the session now. */
export function replay_dump_size(): i32 {
  return session_dump().size();
}

/** The digest of the full dump (O4): of the state alone, not of what led there. */
export function replay_dump_digest(): u64 {
  const dump = session_dump();
  return digest_absorb(0, dump.begin, dump.end);
}

/** The version of spec/protocol.ts that the model speaks. */
export function protocol_version(): i32 {
  return PROTOCOL_VERSION;
}
