/**
 * Small objects for tests, in the words of objdump.
 *
 * An instruction is written as objdump writes it, but for where it goes: `call name` and `jmp name` get a relocation,
 * `jne @3` goes to the instruction of that number in its function, `jne name.cold` to the start of that part in .text.unlikely.
 */
type Bodies = Readonly<Record<string, readonly string[]>>;

const STEP = 8; // bytes from one instruction to the next
const hex = (value: number): string => value.toString(16);

/** The disassembly of an object with these functions; those called `*.cold` are in .text.unlikely. */
export function objectOf(bodies: Bodies): string {
  const parts = Object.entries(bodies);
  return [".text", ".text.unlikely"]
    .map((section) => ({ section, functions: parts.filter(([name]) => name.endsWith(".cold") === (section === ".text.unlikely")) }))
    .map(({ section, functions }) => `\nDisassembly of section ${section}:\n${functions.map(([name, body]) => functionOf(name, body, functions)).join("\n")}`)
    .join("\n");

  function startOf(name: string, functions: typeof parts): number {
    const before = functions.slice(0, functions.findIndex(([other]) => other === name));
    return before.reduce((sum, [, body]) => sum + body.length * STEP, 0);
  }

  function functionOf(name: string, body: readonly string[], functions: typeof parts): string {
    const start = startOf(name, functions);
    const lines = body.map((text, index) => `    ${hex(start + index * STEP)}:\t${lineOf(text, start, start + index * STEP)}`);
    return `\n${hex(start).padStart(16, "0")} <${name}>:\n${lines.join("\n")}\n`;
  }

  function lineOf(text: string, start: number, at: number): string {
    const [, mnemonic = "", goal = ""] = /^(call|j[a-z]+) ([@_a-z][\w.@]*)$/.exec(text) ?? [];
    if (mnemonic === "") return text.replace(" ", "    ");
    if (goal.startsWith("@")) return `${mnemonic}    ${hex(start + Number(goal.slice(1)) * STEP)} <here>`;
    const relocation = goal.endsWith(".cold") ? `R_X86_64_PC32\t.text.unlikely${offsetOf(startOf(goal, parts.filter(([name]) => name.endsWith(".cold"))) - 4)}` : `R_X86_64_PLT32\t${goal}-0x4`;
    return `${mnemonic}    ${hex(at + 5)} <here>\t${hex(at + 1)}: ${relocation}`;
  }

  function offsetOf(value: number): string {
    return value < 0 ? `-0x${hex(-value)}` : `+0x${hex(value)}`;
  }
}
