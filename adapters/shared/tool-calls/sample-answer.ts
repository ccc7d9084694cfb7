// The answers of rendered samples: what stands behind the user's text, without what the template puts around an answer.
import { ASKED, FIRST, SAID } from "./call-samples.ts";

/** Tokens that end an answer or begin a message, by the names that llama.cpp knows; a vocabulary may have others. */
const ENDS =
  /<\|(?:start|im_start|start_header_id|START_OF_TURN_TOKEN|eot_id|im_end|end|return|call|calls|flush|endoftext|eom_id|eom|eot|end_of_text|END_OF_TURN_TOKEN|role_end|end_of_msg|tool_response|message_sep)\|?>|<end_of_turn>|<start_of_turn>|<turn\|>|<\/s>|<eos>|<[|｜][^<>|｜]*end[▁_ ]of[▁_ ]sentence[^<>|｜]*[|｜]>|<end_of_sentence>|<seed:eos>|\[e~\[|<｜hy_eos[^<>]*｜>/;

export interface EndOfAnswer {
  /** What a template writes behind an answer of text. */
  plain: string;
  /** The vocabulary's tokens that end answers. */
  tokens: readonly string[];
}

/** Empty thoughts in front of an answer. */
const THOUGHTS = /^\s*(?:(?:<|\[)[^<>[\]]*think[^<>[\]]*(?:>|\])\s*)+/i;

/** What a template writes behind the user's text. */
export function behindQuestion(rendered: string): string {
  const at = rendered.lastIndexOf(ASKED);
  return at < 0 ? "" : rendered.slice(at + ASKED.length);
}

/** The beginning that two texts have in common, as far as it cuts no token. */
export function commonBegin(one: string, other: string): string {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length === one.length || length === other.length ? one.slice(0, length) : toToken(one.slice(0, length));
}

/** The place of a bracket that is not closed; -1 where there is none. */
function unclosed(text: string, begin: string, end: string): number {
  const at = text.lastIndexOf(begin);
  return text.indexOf(end, at) < 0 ? at : -1;
}

export function commonEnd(one: string, other: string): string {
  let length = 0;
  while (length < Math.min(one.length, other.length) && one.at(-1 - length) === other.at(-1 - length)) length++;
  return one.slice(one.length - length);
}

/** `opened`: what is behind the question where an answer begins. */
export function withoutHeader(answer: string, opened: string): string {
  return answer.slice(commonBegin(answer, opened).length).replace(THOUGHTS, "");
}

/** A token that ends answers, or what begins one, stands within: the template makes several answers of it. */
export function hasEnd(text: string, opened: string, { tokens }: EndOfAnswer): boolean {
  return (
    ENDS.test(text) || tokens.some((token) => text.includes(token)) || (opened.trim() !== "" && text.includes(opened.trim()))
  );
}

/** Without the rest of a tag that the text begins amid. */
export function fromToken(text: string): string {
  const [open, close] = [text.indexOf("<"), text.indexOf(">")];
  return close >= 0 && (open < 0 || close < open) ? text.slice(close + 1) : text;
}

/** Up to a tag that the text does not hold to its end. */
export function toToken(text: string): string {
  const open = Math.max(unclosed(text, "<", ">"), unclosed(text, "[", "]"));
  return open < 0 ? text : text.slice(0, open);
}

/** The text up to where the answer ends: at a token that ends answers, or where a plain answer has the same end. */
export function withoutEnd(text: string, { tokens, plain }: EndOfAnswer): string {
  const ends = [ENDS.exec(text)?.index ?? -1, ...tokens.map((token) => text.indexOf(token))].filter((at) => at >= 0);
  if (ends.length > 0) return text.slice(0, Math.min(...ends));
  const common = commonEnd(text, plain);
  const begin = /[<[\]\s]/.exec(common)?.index ?? common.length;
  return text.slice(0, text.length - common.length + begin);
}

/**
 * What begins the calls. `before`: what stands before the name in an answer of calls alone. `said`: the same answer with a text in front of the
 * calls, which shows what belongs to that.
 */
export function textBeforeCalls(before: string, said: string, ended: string): string {
  const [text, name] = [said.indexOf(SAID), said.indexOf(FIRST)];
  if (text < 0 || name < text) return before.trimStart();
  const common = commonEnd(before, said.slice(text + SAID.length, name));
  const whole = common.length === before.length ? common : common.slice(Math.max(0, common.search(/[<[\s{]/)));
  return whole.slice(commonBegin(whole, ended).length).trimStart();
}
