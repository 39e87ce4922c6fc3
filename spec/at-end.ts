/** What must happen before this process ends, be it by a signal: no child left running, no temporary left lying. */
import { rmSync } from "node:fs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What ^C, or another of these signals, does instead of ending the process, if anything. */
let onInterrupt: { readonly action: () => void; readonly signals: readonly NodeJS.Signals[] } | undefined;

const actions = new Set<() => void>();

/**
 * Has `action` run if the process ends, or is told to, before the undo that this gives back is called.
 *
 * Actions are synchronous and run in reverse order: first the child ends, then its directory goes. If nobody else listens for the signal, the process ends by it afterwards, as it would have.
 */
export function atEnd(action: () => void): () => void {
  const own = (): void => action(); // the same function may be given twice
  if (actions.size === 0) listen();
  actions.add(own);
  return () => {
    if (actions.delete(own) && actions.size === 0) unlisten();
  };
}

/** Has a file or directory removed at the end; gives back the undo. */
export function removeAtEnd(path: string): () => void {
  return atEnd(() => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }));
}

/** Has each ^C (or each of the signals) do `action` until the undo that this gives back is called: for what can be ended in an orderly way. */
export function atInterrupt(action: () => void, signals: readonly NodeJS.Signals[] = ["SIGINT"]): () => void {
  const release = atEnd(() => {});
  onInterrupt = { action, signals };
  return () => {
    onInterrupt = undefined;
    release();
  };
}

/** Has the first ^C (or one of the signals) abort `signal`, until `release` is called; a second one ends the process. */
export function abortAtInterrupt(signals?: readonly NodeJS.Signals[]): { readonly signal: AbortSignal; readonly release: () => void } {
  const stop = new AbortController();
  const release = atInterrupt(() => {
    release();
    stop.abort();
  }, signals);
  return { signal: stop.signal, release };
}

function runAll(): void {
  const all = [...actions].reverse();
  actions.clear();
  for (const action of all) {
    try {
      action();
    } catch {
      // The process is ending: what cannot be tidied now is tidied by whoever finds it.
    }
  }
  unlisten(); // not earlier: a second ^C must not cut this short
}

function onSignal(signal: NodeJS.Signals): void {
  if (onInterrupt?.signals.includes(signal)) return onInterrupt.action();
  runAll();
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function listen(): void {
  process.on("exit", runAll);
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

function unlisten(): void {
  process.off("exit", runAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}
