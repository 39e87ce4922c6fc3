/** The guest's report channel: bytes to frames. Sibling: guest/report.c */
import { offsetOf, sizeOf } from "../spec/layout.ts";
import { FRAMES, FRAME_MAGIC, type FrameName } from "../spec/protocol.ts";

/** Largest payload in bytes; guest/report.h has the same. */
export const FRAME_PAYLOAD_SIZE_MAX = 65536;

export interface Frame {
  readonly type: FrameName;
  readonly payload: Buffer;
}

const HEADER_SIZE = sizeOf("frame_header");
const NAMES = new Map<number, FrameName>(Object.entries(FRAMES).map(([name, { type }]) => [type, name as FrameName]));

/** Cuts a stream that arrives in any pieces. */
export class FrameDecoder {
  /** Set for good once something arrived that is no frame. */
  damage: string | undefined;
  private rest: Buffer = Buffer.alloc(0);
  private offset = 0;

  /** The frames that these bytes complete. */
  push(bytes: Uint8Array): Frame[] {
    this.rest = Buffer.concat([this.rest, bytes]);
    const frames: Frame[] = [];
    for (let frame = this.next(); frame; frame = this.next()) frames.push(frame);
    return frames;
  }

  private next(): Frame | undefined {
    if (this.damage !== undefined || this.rest.length < HEADER_SIZE) return undefined;
    const field = (name: string): number => this.rest.readUInt32LE(offsetOf("frame_header", name));
    const type = NAMES.get(field("type"));
    const size = field("payload_size");
    if (field("magic") !== FRAME_MAGIC || !type || size > FRAME_PAYLOAD_SIZE_MAX) {
      this.damage = `byte ${this.offset} of the report channel is no frame`;
      return undefined;
    }
    if (this.rest.length < HEADER_SIZE + size) return undefined;
    const payload = Buffer.from(this.rest.subarray(HEADER_SIZE, HEADER_SIZE + size));
    this.rest = this.rest.subarray(HEADER_SIZE + size);
    this.offset += HEADER_SIZE + size;
    return { type, payload };
  }
}
