// What is left out of a conversation that has outgrown its context.
import type { RefusedError } from "../error.ts";
import type { TypedMessage } from "./session.ts";

/** How full the context is to be: with less left out, each further question would leave out more, and have all be read anew. */
const FILL = 0.5;

/**
 * `said` without at least one of the oldest questions and its answer; undefined where nothing was said before `question`, and where that alone
 * would fill the context.
 */
export function withoutOldest(
  said: readonly TypedMessage[],
  question: TypedMessage,
  { n_prompt_tokens, n_ctx }: RefusedError,
): TypedMessage[] | undefined {
  if (said.length < 2) return undefined;
  const room = n_prompt_tokens === undefined || n_ctx === undefined ? 1 : n_ctx / n_prompt_tokens;
  const length = lengthOf([...said, question]);
  if (lengthOf([question]) >= room * length) return undefined;
  const most = FILL * room * length;
  let dropped = 2;
  while (dropped < said.length && lengthOf([...said.slice(dropped), question]) > most) dropped += 2;
  return said.slice(dropped);
}

const lengthOf = (messages: readonly TypedMessage[]): number =>
  messages.reduce((sum, { content }) => sum + textOf(content).length, 0);

function textOf(content: TypedMessage["content"]): string {
  return typeof content === "string" ? content : content.map((part) => (part.type === "text" ? part.text : "")).join("\n");
}
