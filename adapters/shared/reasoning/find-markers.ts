// The markers of thoughts, found in what a template makes of samples: templates have no declarations.
import type { ThoughtMarkers } from "../../prompts.ts";
import { mirrorsOf, tagAtEnd, tagAtStart } from "./tags.ts";
import type { ThoughtSamples } from "./thought-samples.ts";

type Pair = Pick<ThoughtMarkers, "begin" | "end"> & {
  /** What stands between thoughts and text, with its white space; absent where no sample shows it. */
  between?: string;
};

/** Undefined where the samples show none. */
export function findThoughtMarkers(samples: ThoughtSamples): ThoughtMarkers | undefined {
  const pair = pairOfHistory(samples) ?? pairOfOpening(samples) ?? pairOfInstruction(samples);
  const dropped = samples.drops_think ? { begin: "<think>", end: "</think>" } : undefined;
  const found = pair ?? dropped;
  return found && withTexts(found, samples);
}

function pairOfHistory({ thoughts, plain, opening }: ThoughtSamples): Pair | undefined {
  if (thoughts === undefined) return undefined;
  const tag = tagAtEnd(thoughts.before);
  // What ends the head of every message begins no thoughts.
  const is_head = tag === undefined || plain?.before.trimEnd().endsWith(tag) === true;
  const begin = is_head ? beyond(plain?.before, opening) : tag;
  const rest = thoughts.after.trimStart();
  const end = begin && (mirrorsOf(begin).find((mirror) => rest.startsWith(mirror)) ?? tagAtStart(rest));
  return begin && end ? { begin, end, ...(thoughts.answered && { between: thoughts.after }) } : undefined;
}

/** What a prompt opens an answer with beyond the head of a message. */
function beyond(head: string | undefined, opening: string): string | undefined {
  return head !== undefined && opening.startsWith(head) ? opening.slice(head.length).trim() : undefined;
}

/** Thoughts that a prompt opens, or closes where they are turned off. */
function pairOfOpening({ opening, opening_off }: ThoughtSamples): Pair | undefined {
  const open = tagAtEnd(opening);
  if (open !== undefined && THINKS.test(open)) {
    const [end] = mirrorsOf(open);
    return end === undefined ? undefined : { begin: open, end };
  }
  for (const end of opening_off === opening ? [] : [tagAtEnd(opening_off)]) {
    const begin = end && tagAtEnd(opening_off.trimEnd().slice(0, -end.length));
    if (begin && mirrorsOf(begin).includes(end)) return { begin, end };
  }
  return undefined;
}

const THINKS = /think|thought|reason/i;

/** Granite's templates ask for thoughts by naming the markers. */
function pairOfInstruction({ instruction }: ThoughtSamples): Pair | undefined {
  const [, begin, end] = NAMED_PAIR.exec(instruction) ?? [];
  return begin && end ? { begin, end } : undefined;
}

const NAMED_PAIR = /(<\w*think\w*>)(<\/\w*think\w*>)/i;
const NAMED_TEXT = /<(response|answer)>(?=<\/\1>)/i;

function withTexts({ begin, end, between }: Pair, samples: ThoughtSamples): ThoughtMarkers {
  const { opening, plain, instruction } = samples;
  const behind = between === undefined ? undefined : between.trim().slice(end.length);
  const next = behind && sharedEnd(opening, behind.trimStart());
  const named = NAMED_TEXT.exec(instruction)?.[0];
  const text = named ?? (behind === undefined ? textOfPlain(samples, { begin, end }) : behind.trimStart().slice(next?.length));
  const text_begin = text?.trim() || undefined;
  const close = between ?? spacedEnd({ begin, end }, samples) + (text_begin ?? "");
  return {
    ...{ begin, end, close },
    skip: skipOf({ begin, end }, samples) ?? (next ? text! : begin + close),
    ...(next && { next }),
    ...(text_begin && { text_begins: [text_begin, ...furtherTexts(text_begin)] }),
    ...textEnd(text_begin, named ? mirrorsOf(named)[0] : plain?.after),
  };
}

/** The longest end of `opening` with which `text` begins. */
function sharedEnd(opening: string, text: string): string | undefined {
  const end = opening.trimEnd();
  for (let length = Math.min(end.length, text.length); length > 0; length--)
    if (text.startsWith(end.slice(-length))) return end.slice(-length);
  return undefined;
}

/** What stands before a text without thoughts, beyond what a prompt ends with. */
function textOfPlain({ opening, plain }: ThoughtSamples, { begin, end }: Pair): string | undefined {
  if (plain === undefined || !plain.before.startsWith(opening)) return undefined;
  return [begin, end].reduce(
    (text, mark) => (text.startsWith(mark) ? text.slice(mark.length).trimStart() : text),
    plain.before.slice(opening.length).trimStart(),
  );
}

/** The end with white space around it, as models are taught it, where no sample shows thoughts and a text. */
function spacedEnd({ begin, end }: Pair, { thoughts, opening, opening_off }: ThoughtSamples): string {
  const shown = thoughts?.after.trimStart().startsWith(end) && thoughts.after;
  if (shown) return shown.slice(0, shown.indexOf(end) + end.length);
  const lines = [opening, opening_off].some((text) => text.includes(`${begin}\n`));
  if (!lines) return end;
  const behind = opening_off.trimEnd().endsWith(end) && /\n+$/.exec(opening_off)?.[0];
  return `\n${end}${behind || "\n\n"}`;
}

/** Undefined where the template has no switch. */
function skipOf({ begin, end }: Pair, { opening_off, switches }: ThoughtSamples): string | undefined {
  if (!switches) return undefined;
  const written = opening_off.trimEnd();
  if (!written.endsWith(end)) return "";
  const spaces = opening_off.slice(written.length);
  const before = written.slice(0, -end.length);
  const at = before.trimEnd().endsWith(begin) ? before.lastIndexOf(begin) : before.length;
  return before.slice(at) + end + spaces;
}

/** gpt-oss says in a channel of its own what it is about to do. */
function furtherTexts(text_begin: string): string[] {
  return text_begin.startsWith("<|channel|>final") ? [text_begin.replace("final", "commentary")] : [];
}

function textEnd(text_begin: string | undefined, after: string | undefined): Pick<ThoughtMarkers, "text_end"> {
  const mark = text_begin && mirrorsOf(text_begin).find((mirror) => after?.trimStart().startsWith(mirror));
  return mark ? { text_end: { mark, rest: after!.trimStart().slice(mark.length) } } : {};
}
