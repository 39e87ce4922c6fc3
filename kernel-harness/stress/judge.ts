/** What the stress module reported, and what of it is wrong: attempted = delivered + lost, everywhere. Pure. */

export interface StressFigures {
  /** Calls of the runtime that all contexts made. */
  readonly calls: number;
  /** Calls by context level. */
  readonly calls_by_level: Readonly<Record<string, number>>;
  /** NMIs that were handled. */
  readonly nmis: number;
  /** Those that interrupted a call of the runtime. */
  readonly nmis_in_call: number;
  /** Of these: those whose instruction was one of the module (else one of the kernel, which the call had called). */
  readonly nmis_in_module: number;
  /** Of these: those that came while interrupts were off, which only an NMI can. */
  readonly nmis_irqs_off: number;
  /** Of these: those that came between reserve and commit of a ring. */
  readonly nmis_in_ring: number;
  /** NMIs by the call that they interrupted, most first. */
  readonly nmis_by_call: Readonly<Record<string, number>>;
  /** NMIs by the level that they interrupted. */
  readonly nmis_by_level: Readonly<Record<string, number>>;
  /** By kind, over all CPUs and probes. */
  readonly ledger: Readonly<Record<string, Counted>>;
  /** Records that the reader took apart. */
  readonly records: number;
  /** Maps, printers and the like that were compared. */
  readonly checks: number;
  /** Triples of call, level and result that came. */
  readonly reached: number;
}

export interface Counted {
  readonly attempted: number;
  readonly delivered: number;
  readonly lost: Readonly<Record<string, number>>;
}

interface Fact {
  readonly word: string;
  readonly line: string;
  readonly text: Readonly<Record<string, string>>;
}

const CAUSES = ["full", "busy", "nested", "budget", "fault", "transport", "error"] as const;
const KINDS = ["hit", "map", "string", "record"] as const;
const COUNTS = ["attempted", "delivered", ...CAUSES] as const;

/** Judges the report. Without one, that is the problem. */
export function judgeReport(report: string, nmis_min: number): { readonly problems: string[]; readonly figures: StressFigures } {
  const facts = parseFacts(report);
  const problems: string[] = [];
  const check = new Checks(problems);
  if (report.endsWith("end\n")) {
    rowsAddUp(facts, check);
    booksAgree(facts, check);
    mapsAgree(facts, check);
    readerAgrees(facts, check);
    nothingIsWrong(facts, check);
  } else {
    problems.push("The module gave no report, or only part of one");
  }
  const figures = figuresOf(facts, check.count);
  check.that(figures.nmis_in_call >= nmis_min, () => `Only ${figures.nmis_in_call} of ${figures.nmis} nmis landed inside a call of the runtime, not ${nmis_min}`);
  return { problems, figures };
}

class Checks {
  count = 0;
  readonly #problems: string[];

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  that(holds: boolean, problem: () => string): void {
    this.count++;
    if (!holds) this.#problems.push(problem());
  }
}

function parseFacts(report: string): Fact[] {
  return report.split("\n").map((line) => {
    const [word = "", ...pairs] = line.split(" ");
    return { word, line, text: Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)])) };
  });
}

const of = (facts: readonly Fact[], word: string): Fact[] => facts.filter((fact) => fact.word === word);
const big = (fact: Fact | undefined, key: string): bigint => BigInt(fact?.text[key] ?? 0);
const total = (facts: readonly Fact[], key: string): bigint => facts.reduce((sum, fact) => sum + big(fact, key), 0n);
const values = (facts: readonly Fact[], key: string): string[] => [...new Set(facts.map((fact) => fact.text[key] ?? ""))];
const lostOf = (fact: Fact): bigint => CAUSES.reduce((sum, cause) => sum + big(fact, cause), 0n);
const place = (fact: Fact): string => `CPU ${fact.text["cpu"]}, probe ${fact.text["probe"]}, kind ${fact.text["kind"]}`;

/** X4, of the runtime's ledger alone: nothing is active any more. */
function rowsAddUp(facts: readonly Fact[], check: Checks): void {
  for (const row of of(facts, "ledger")) {
    const [attempted, delivered, lost] = [big(row, "attempted"), big(row, "delivered"), lostOf(row)];
    check.that(attempted === delivered + lost, () => `${place(row)}: attempted ${attempted} is not delivered ${delivered} + lost ${lost}`);
  }
}

/** The ledger against what each context counted itself, by what its calls returned. */
function booksAgree(facts: readonly Fact[], check: Checks): void {
  for (const cpu of values(of(facts, "ledger"), "cpu")) {
    const here = facts.filter((fact) => fact.text["cpu"] === cpu);
    const own = (probe: string, kind: string): Fact | undefined => of(here, "own").find((fact) => fact.text["probe"] === probe && fact.text["kind"] === kind);
    const more = (probe: string): Fact | undefined => of(here, "own_more").find((fact) => fact.text["probe"] === probe);
    for (const row of of(here, "ledger")) {
      const [probe, kind] = [row.text["probe"]!, row.text["kind"]!];
      if (kind === "map") continue;
      const hidden = kind === "record" ? big(more(probe), "hidden") : 0n;
      booksAgreeHere(row, own(probe, kind), hidden, check);
    }
    mapBooksAgree(cpu, here, check);
    for (const row of of(here, "ledger_more")) {
      const [cut, mine] = [big(row, "cut"), more(row.text["probe"]!)];
      const [least, most] = [big(mine, "cut"), big(mine, "cut") + big(mine, "cut_more")];
      check.that(cut >= least && cut <= most, () => `CPU ${cpu}, probe ${row.text["probe"]}: ${cut} texts were cut by the ledger, ${least} to ${most} by our own books`);
    }
  }
}

/** Of `hidden` records no result told whether they were delivered or lost by full. */
function booksAgreeHere(row: Fact, own: Fact | undefined, hidden: bigint, check: Checks): void {
  for (const count of COUNTS) {
    const [ledger, mine] = [big(row, count), big(own, count)];
    const unknown = count === "delivered" || count === "full" ? hidden : 0n;
    check.that(ledger >= mine && ledger <= mine + unknown, () => `${place(row)}: ${count} is ${ledger} in the ledger and ${mine}${unknown ? ` to ${mine + unknown}` : ""} in our own books`);
  }
}

/**
 * Map calls, of all rows of a CPU at once: those outside of any hit of their own belong to whatever they interrupted (X3),
 * and each walk may end by one visit that is refused without a word (M10).
 */
function mapBooksAgree(cpu: string, here: readonly Fact[], check: Checks): void {
  const maps = (word: string): Fact[] => of(here, word).filter((fact) => fact.text["kind"] === "map");
  const walks = total(of(here, "own_more"), "walks");
  const excess = (count: string): bigint => total(maps("ledger"), count) - total(maps("own"), count) - total(maps("outside"), count);
  for (const row of maps("ledger")) {
    const mine = maps("own").find((fact) => fact.text["probe"] === row.text["probe"]);
    for (const count of COUNTS) check.that(big(row, count) >= big(mine, count), () => `${place(row)}: ${count} is ${big(row, count)} in the ledger and ${big(mine, count)} in our own books`);
  }
  for (const count of ["delivered", "full", "nested", "fault", "transport", "error"]) {
    check.that(excess(count) === 0n, () => `CPU ${cpu}, kind map: ${count} is ${excess(count)} more in the ledger than in our own books`);
  }
  const refused = excess("busy") + excess("budget");
  check.that(excess("busy") >= 0n && excess("budget") >= 0n && refused <= walks && excess("attempted") === refused, () =>
    `CPU ${cpu}, kind map: the ledger has ${excess("attempted")} attempted, ${excess("busy")} busy and ${excess("budget")} budget more than our own books, with ${walks} walks`);
}

/** What is in the maps against what was put there. */
function mapsAgree(facts: readonly Fact[], check: Checks): void {
  for (const sum of of(facts, "sum")) {
    const [added, shown, left] = [big(sum, "added"), big(sum, "shown"), big(sum, "left")];
    check.that(BigInt.asUintN(64, shown + left) === added, () => `Map ${sum.text["name"]}: ${added} was added, but ${shown} was shown and ${left} is left`);
  }
  for (const own of of(facts, "own_stats")) {
    const kept = of(facts, "stats").find((fact) => fact.text["name"] === own.text["name"]);
    for (const field of ["count", "sum", "sumsq", "min", "max", "bucketed"]) {
      check.that(big(kept, field) === big(own, field), () => `Statistics ${own.text["name"]}: ${field} is ${big(kept, field)}, but the samples make ${big(own, field)}`);
    }
  }
  for (const wrap of of(facts, "wrap")) {
    const [made, entries, evicted] = [big(wrap, "made"), big(wrap, "entries"), total(of(facts, "ledger_more"), "evicted")];
    check.that(made === entries + evicted, () => `Map ${wrap.text["name"]}: ${made} entries were made, but ${entries} are left and ${evicted} were evicted`);
  }
}

/** The reader got what was delivered, to the last byte. */
function readerAgrees(facts: readonly Fact[], check: Checks): void {
  for (const read of of(facts, "read")) {
    const row = of(facts, "ledger").find((fact) => fact.text["kind"] === "record" && fact.text["cpu"] === read.text["cpu"] && fact.text["probe"] === read.text["probe"]);
    const [records, delivered] = [big(read, "records"), big(row, "delivered")];
    check.that(records === delivered, () => `CPU ${read.text["cpu"]}, probe ${read.text["probe"]}: ${delivered} records were delivered, ${records} were read`);
  }
  for (const ring of of(facts, "ring")) {
    const ends = ["bytes", "head", "committed", "tail"].map((end) => big(ring, end));
    check.that(new Set(ends).size === 1 && big(ring, "nest") === 0n, () => `CPU ${ring.text["cpu"]}: the ring ends at head ${ends[1]}, committed ${ends[2]}, tail ${ends[3]}, nest ${big(ring, "nest")}, with ${ends[0]} bytes read`);
  }
}

function nothingIsWrong(facts: readonly Fact[], check: Checks): void {
  const example = facts.find((fact) => fact.word === "example");
  for (const wrong of of(facts, "wrong")) {
    const text = wrong.text["what"]!.startsWith("record") && example ? `; the first such record begins with "${example.line.slice("example ".length)}"` : "";
    check.that(big(wrong, "n") === 0n, () => `${wrong.text["what"]!.replaceAll("_", " ")}: ${big(wrong, "n")} times${text}`);
  }
}

function figuresOf(facts: readonly Fact[], checks: number): StressFigures {
  const results = of(facts, "calls").flatMap((fact) => Object.entries(fact.text).filter(([key]) => /^\d+$/.test(key)).map(([, n]) => ({ level: fact.text["level"]!, n: Number(n) })));
  const nmi = (key: string): number => Number(total(of(facts, "nmi"), key));
  const sums = (of_: readonly Fact[], by: string, key: string): Record<string, number> =>
    Object.fromEntries(values(of_, by).map((value) => [value, Number(total(of_.filter((fact) => fact.text[by] === value), key))]));
  const byCall = Object.entries(sums(of(facts, "nmi_call"), "call", "n")).sort(([, a], [, b]) => b - a);
  return {
    calls: results.reduce((sum, { n }) => sum + n, 0),
    calls_by_level: Object.fromEntries([...new Set(results.map(({ level }) => level))].map((level) => [level, results.filter((result) => result.level === level).reduce((sum, { n }) => sum + n, 0)])),
    nmis: nmi("handled"),
    nmis_in_call: nmi("in_call"),
    nmis_in_module: nmi("in_module"),
    nmis_irqs_off: nmi("irqs_off"),
    nmis_in_ring: nmi("in_ring"),
    nmis_by_call: Object.fromEntries(byCall.filter(([, n]) => n > 0)),
    nmis_by_level: sums(of(facts, "nmi_level"), "level", "n"),
    ledger: Object.fromEntries(KINDS.map((kind) => [kind, ledgerOf(of(facts, "ledger").filter((fact) => fact.text["kind"] === kind))])),
    records: Number(total(of(facts, "read"), "records")),
    checks,
    reached: results.filter(({ n }) => n > 0).length,
  };
}

function ledgerOf(rows: readonly Fact[]): Counted {
  const lost = CAUSES.map((cause) => [cause, Number(total(rows, cause))] as const).filter(([, n]) => n > 0);
  return { attempted: Number(total(rows, "attempted")), delivered: Number(total(rows, "delivered")), lost: Object.fromEntries(lost) };
}

const SHOWN_MAX = 12; // calls in the list for people

/** The figures for people. */
export function stressSummary(figures: StressFigures): string {
  const pairs = (of_: Readonly<Record<string, number>>): string => Object.entries(of_).map(([name, n]) => `${name} ${n}`).join(", ");
  const calls = Object.entries(figures.nmis_by_call);
  const rest = calls.length - SHOWN_MAX;
  return [
    `${figures.calls} calls: ${pairs(figures.calls_by_level)}; ${figures.reached} combinations of call, level and result`,
    `${figures.nmis} nmis, ${figures.nmis_in_call} inside a call (${pairs(figures.nmis_by_level)}): ${figures.nmis_irqs_off} with interrupts off, ${figures.nmis_in_ring} in a write to the ring, ${figures.nmis_in_module} on an instruction of the module`,
    `  by call: ${pairs(Object.fromEntries(calls.slice(0, SHOWN_MAX)))}${rest > 0 ? ` and ${rest} more calls` : ""}`,
    ...Object.entries(figures.ledger).map(([kind, { attempted, delivered, lost }]) => `${kind}: ${attempted} attempted = ${delivered} delivered + lost (${pairs(lost) || "none"})`),
    `${figures.records} records read; ${figures.checks} comparisons`,
    "",
  ].join("\n");
}
