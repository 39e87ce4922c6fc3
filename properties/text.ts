/** Byte strings as readable text, without loss: printable ASCII as it is, all else escaped. */

/** In double quotes; `"` and `\` behind a backslash, other bytes as `\xNN`. A JavaScript string stands for its UTF-8 bytes. */
export function formatBytes(text: string | Uint8Array): string {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return `"${Array.from(bytes, formatByte).join("")}"`;
}

/** The bytes of what `formatBytes` wrote, quotes included. Other escapes than its own stand for themselves. */
export function readBytes(quoted: string): Uint8Array {
  const characters = quoted.slice(1, -1).matchAll(/\\x([0-9a-f]{2})|\\?([\s\S])/gu);
  const parts = Array.from(characters, ([, hex, character]) => {
    return hex === undefined ? [...new TextEncoder().encode(character)] : [Number.parseInt(hex, 16)];
  });
  return Uint8Array.from(parts.flat());
}

function formatByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === '"' || character === "\\") return `\\${character}`;
  return byte >= 0x20 && byte < 0x7f ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
}
