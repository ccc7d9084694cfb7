// The parts of a call, out of what stands around the names and arguments of one call and of two.
import type { CallPart, CallSyntax } from "../../call-syntax.ts";
import { FIRST, FIRST_ID, SECOND, SECOND_ID } from "./call-samples.ts";
import { commonBegin, commonEnd, fromToken } from "./sample-answer.ts";

/** What stands before the name, between that and the arguments, and behind them. */
export interface CallTexts {
  before: string;
  middle: string;
  after: string;
}

/** `further`: what stands between two calls, and within the second. Absent where the template shows one call alone. */
export function composeCalls(
  texts: CallTexts,
  further: { between: string; middle: string } | undefined,
): Pick<CallSyntax, "open" | "call" | "between" | "close" | "ids"> {
  const start = further === undefined ? undefined : [0, 1].find((count) => isNumbered(texts, further, count));
  const [before, middle, after] = [texts.before, texts.middle, texts.after].map((text) => withPlaceholders(text, start));
  const between = further === undefined ? "" : betweenPlaceholders(further.between, start);
  const begin = further === undefined ? before! : fromToken(commonEnd(before!, between));
  const ends = between.slice(0, between.length - begin.length);
  const { length } = further === undefined ? after! : commonBegin(after!, ends);
  const call = partsOf(begin + NAME + middle + ARGUMENTS + after!.slice(0, length));
  const functions = /functions\.\uE003:\uE002/.test(begin + NAME + middle);
  return {
    ...{ open: before!.slice(0, before!.length - begin.length), call, between: ends.slice(length), close: after!.slice(length) },
    ids: functions ? "functions" : "call_",
  };
}

// Characters that no template writes stand for what differs from call to call.
const [ID, NUMBER, NAME, ARGUMENTS] = ["\uE001", "\uE002", "\uE003", "\uE004"] as const;
const PARTS = { [ID]: "id", [NUMBER]: "number", [NAME]: "name", [ARGUMENTS]: "arguments" } as const;

/** Ids and names become characters that stand for them, and so does that number. */
export function withPlaceholders(text: string, number?: number): string {
  const named = text.replaceAll(FIRST_ID, ID).replaceAll(SECOND_ID, ID).replaceAll(FIRST, NAME).replaceAll(SECOND, NAME);
  return number === undefined ? named : named.replaceAll(new RegExp(`(?<![\\w.])${number}(?![\\w.])`, "g"), NUMBER);
}

/** The end of the first call and the beginning of the second one. */
function betweenPlaceholders(text: string, start: number | undefined): string {
  return start === undefined ? withPlaceholders(text) : withPlaceholders(withPlaceholders(text, start + 1), start);
}

/** Calls are counted, from that number on: the first one shows it where the second one shows the next. */
function isNumbered({ before, middle }: CallTexts, further: { between: string; middle: string }, start: number): boolean {
  const has = (text: string, number: number): boolean => withPlaceholders(text, number).includes(NUMBER);
  const beginning = has(before, start) && has(further.between, start + 1) && !has(further.between, start);
  return beginning || (has(middle, start) && withPlaceholders(middle, start) === withPlaceholders(further.middle, start + 1));
}

function partsOf(text: string): CallPart[] {
  const parts = text.split(/([\uE001-\uE004])/).map((piece): CallPart => {
    return piece in PARTS ? { part: PARTS[piece as keyof typeof PARTS] } : piece;
  });
  // A call begins with a text, be it an empty one.
  return parts.filter((part, at) => part !== "" || at === 0);
}
