// How the arguments of a rendered call are written, found by the arguments that were given.
import type { ArgumentSyntax, EntrySyntax, ValueKind } from "../../call-syntax.ts";
import { PROBES } from "./call-samples.ts";
import { parseLiteral } from "./literal.ts";
import { readNested } from "./read-json.ts";
import { commonBegin, commonEnd, fromToken } from "./sample-answer.ts";
import { kindOf } from "../json-schema-grammar/schema/kinds-of.ts";

export interface FoundArguments {
  /** What stands between the name and the arguments. */
  before: string;
  /** The arguments themselves, which begin behind `before`. */
  text: string;
  syntax: ArgumentSyntax;
}

/** What stands behind the name of a call, with `PROBES` for arguments; and with none, where the template takes that. */
export interface BehindName {
  probes: string;
  none: string | undefined;
  /** Lists, objects and null were given as texts. */
  flat: boolean;
}

export function findArguments(behind: BehindName): FoundArguments | undefined {
  return findJson(behind) ?? findBare(behind) ?? findElements(behind) ?? findEntries(behind);
}

const KEYS = Object.keys(PROBES);
const [FIRST_KEY = ""] = KEYS;
const TEXT = PROBES.ingle_string;

function findJson({ probes }: BehindName): FoundArguments | undefined {
  const key = probes.indexOf(`"${FIRST_KEY}"`);
  const begin = probes.lastIndexOf("{", key);
  if (key < 0 || begin < 0) return undefined;
  const { value: text } = readNested({ text: probes.slice(begin), at: 0, ended: true }).next();
  if (typeof text !== "string" || JSON.stringify(parseLiteral(text)) !== JSON.stringify(PROBES)) return undefined;
  return { before: probes.slice(0, begin), text, syntax: { style: "json" } };
}

function findBare({ probes }: BehindName): FoundArguments | undefined {
  const quote = new RegExp(`[{,]${FIRST_KEY}:([^\\w\\s"'][^{}]*)${TEXT}\\1`).exec(probes)?.[1];
  const begin = probes.indexOf("{");
  if (quote === undefined || begin < 0) return undefined;
  const end = probes.indexOf("}", Math.max(...KEYS.map((key) => probes.indexOf(`${key}:`))));
  // The object within is not the last of its members, which are in order.
  if (end < 0) return undefined;
  return { before: probes.slice(0, begin), text: probes.slice(begin, end + 1), syntax: { style: "bare", quote } };
}

function findElements({ probes }: BehindName): FoundArguments | undefined {
  const [, mark, end] = new RegExp(`^[^]*?(\\S*)<${FIRST_KEY}>${TEXT}(\\S*?)</${FIRST_KEY}>`).exec(probes) ?? [];
  if (mark === undefined || end === undefined || end === "" || !mark.endsWith(end)) return undefined;
  const begin = probes.indexOf(`${end}<${FIRST_KEY}>`);
  const last = `${end}</ingle_object>`;
  const text = probes.slice(begin, probes.indexOf(last) + last.length);
  return text === "" ? undefined : { before: probes.slice(0, begin), text, syntax: { style: "elements", mark: end } };
}

/** What a value looks like at the end of a text. */
const WRITTEN: Record<ValueKind, RegExp> = {
  string: new RegExp(`${TEXT}$`),
  number: /4171$/,
  boolean: /[Tt]rue$/,
  null: /(null|None)$/,
  array: /\[5813\]$/,
  object: /\{["']ingle_key["']: ?7129\}$/,
};

function findEntries({ probes, none, flat }: BehindName): FoundArguments | undefined {
  const places = KEYS.map((key) => probes.indexOf(key));
  if (places.some((place, at) => place < 0 || place < (places[at - 1] ?? 0))) return undefined;
  const first = places[0]!;
  const behind = probes.indexOf(TEXT, first) + TEXT.length;
  // What stands behind the text and in front of the next key stands so behind each value.
  let further = probes.slice(behind, places[1]);
  const python = /^(['"])/.exec(further)?.[1];
  const quoted = python !== undefined && probes[behind - TEXT.length - 1] === python;
  if (quoted) further = further.slice(1);

  const value_begin: Partial<Record<ValueKind, string>> = {};
  let last = 0;
  let others: EntrySyntax["others"] = "json";
  for (const [at, key] of KEYS.entries()) {
    const kind = kindOf(PROBES[key as keyof typeof PROBES]);
    const from = places[at]! + key.length;
    const next = places[at + 1];
    const written = WRITTEN[kind];
    let segment: string;
    if (next === undefined) {
      const found = new RegExp(written.source.slice(0, -1)).exec(probes.slice(from));
      if (found === null) return undefined;
      last = from + found.index + found[0].length;
      segment = probes.slice(from, last);
    } else {
      segment = probes.slice(from, next);
      const end = at === 0 && quoted ? python + further : further;
      if (!segment.endsWith(end)) return undefined;
      segment = segment.slice(0, segment.length - end.length);
    }
    const found = written.exec(segment);
    if (found === null) return undefined;
    if (found[0] === "True" || found[0] === "None") others = "python";
    value_begin[kind] = segment.slice(0, found.index);
    if (at === 0 && quoted) value_begin[kind] = value_begin[kind]!.slice(0, -1);
  }
  const key_begin = fromToken(commonEnd(probes.slice(0, first), further));
  const ends = further.slice(0, further.length - key_begin.length);
  const tail = probes.slice(last);
  const value_end = commonBegin(ends, tail);
  const { length } = value_end;
  // What stands behind all arguments is seen where there are none.
  const rest = tail.slice(length);
  const common = none === undefined ? rest.length : commonEnd(none, rest).length;
  const end = rest.slice(0, rest.length - common);
  const without = none === undefined ? "" : none.slice(0, none.length - common);
  // What stands there with and without arguments is no part of them.
  const begin = probes.slice(0, first - key_begin.length);
  const before = commonBegin(begin, without);
  const syntax: EntrySyntax = {
    ...{ style: "entries", begin: begin.slice(before.length), between: ends.slice(length), end },
    ...{ none: without.slice(before.length), key_begin, value_begin: value_begin as EntrySyntax["value_begin"], value_end },
    ...{ strings: quoted ? "python" : flat ? "cdata" : "raw", others },
  };
  return { before, text: probes.slice(before.length, last + length + end.length), syntax };
}
