// Runs clang in a process of its own for clang.ts: takes { args, tree }, answers with { output, messages } or { broken }.
//
// Plain JavaScript, because it is started without tsx, which would cost more than a small compilation.
import { Exit, commands, runLLVM } from "@yowasp/clang";

// The package asks for a debugging variable around each system call, and a real environment is slow to ask.
process.env = {};

// Without arguments it only loads itself; with a progress callback it does not print one.
const loaded = Promise.resolve(runLLVM(undefined, {}, { fetchProgress() {} }));

async function run({ args, tree }) {
  const decoder = new TextDecoder();
  const output = [];
  let messages = "";
  const io = {
    stdout: (bytes) => bytes && output.push(bytes),
    stderr: (bytes) => bytes && (messages += decoder.decode(bytes, { stream: true })),
    decodeASCII: false,
  };
  try {
    await loaded;
    // To stdout: the package copies a whole file for each few bytes that are appended to it.
    await commands.clang([...args, "-o", "-"], tree, io);
    return output.length > 0 ? { output: Buffer.concat(output), messages } : { messages };
  } catch (error) {
    return error instanceof Exit ? { messages } : { broken: `${messages}${error?.stack ?? error}` };
  }
}

process.on("message", async (job) => process.send(await run(job)));
