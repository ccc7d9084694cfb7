// Keeps special tokens that stand in a message plain text. llama-server parses them in the whole prompt, so an invisible character goes
// into each of them, behind its first character.
import * as v from "valibot";
import { AdapterError, type ChatMessage } from "../adapter.ts";
import { createNameFinder, looksSpecial } from "../shared/special-tokens.ts";

/** Tokenizes on the server; with `special`, texts like `<s>` are one token. */
export type Tokenize = (text: string, special: boolean) => Promise<TokenPieces>;
export type TokenPieces = v.InferOutput<typeof TokenPieces>;

/** `piece`: bytes where they are no whole UTF-8. */
export const TokenPieces = v.array(v.object({ id: v.number(), piece: v.union([v.string(), v.array(v.number())]) }));

const WORD_JOINER = "\u2060";
const MOST_ROUNDS = 3;

/**
 * `names`: texts that may be special tokens. Only the server knows whether they are: it is asked where a message holds one, as each
 * request to it delays the first token. Throws `AdapterError` `messages_refused` where a special token cannot be made plain text.
 */
export function createTokenEscaper(names: ReadonlySet<string>) {
  const holdsName = createNameFinder(names);
  return async (messages: readonly ChatMessage[], tokenize: Tokenize): Promise<ChatMessage[]> => {
    let escaped = [...messages];
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const text = textsOf(escaped).filter(holdsName).join("\n");
      if (text === "") return escaped;
      const [parsed, plain] = await Promise.all([tokenize(text, true), tokenize(text, false)]);
      const special = findSpecialTokens(parsed, plain);
      if (special.length === 0 && sameTokens(parsed, plain)) return escaped;
      escaped = escaped.map((message) => mapTexts(message, (text) => special.reduce(splitToken, text)));
    }
    throw new AdapterError("messages_refused", "A special token of the model stands in a message and cannot be made plain text.");
  };
}

function sameTokens(one: TokenPieces, other: TokenPieces): boolean {
  return one.length === other.length && one.every(({ id }, index) => id === other[index]!.id);
}

/** Texts of tokens that come only with special parsing, and of those that look special though their type is plain text. */
function findSpecialTokens(parsed: TokenPieces, plain: TokenPieces): string[] {
  const ordinary = new Set(plain.map(({ id }) => id));
  const names = parsed
    .filter(({ id, piece }) => typeof piece === "string" && piece.length > 1 && (!ordinary.has(id) || looksSpecial(piece)))
    .map(({ piece }) => piece as string);
  return [...new Set(names)];
}

function splitToken(text: string, name: string): string {
  const [first = ""] = name;
  return text.replaceAll(name, first + WORD_JOINER + name.slice(first.length));
}

function textsOf(messages: readonly ChatMessage[]): string[] {
  const texts: string[] = [];
  for (const message of messages) mapTexts(message, (text) => (texts.push(text), text));
  return texts;
}

/** Changes all texts of a message, those of tool calls included: the client wrote them too. */
function mapTexts(message: ChatMessage, change: (text: string) => string): ChatMessage {
  const { content, tool_calls, name, reasoning_content } = message;
  return {
    ...message,
    ...(name !== undefined && { name: change(name) }),
    ...(reasoning_content !== undefined && { reasoning_content: change(reasoning_content) }),
    content:
      typeof content === "string"
        ? change(content)
        : content.map((part) => (part.type === "text" ? { ...part, text: change(part.text) } : part)),
    ...(tool_calls && {
      tool_calls: tool_calls.map((call) => ({
        ...call,
        function: { name: change(call.function.name), arguments: change(call.function.arguments) },
      })),
    }),
  };
}
