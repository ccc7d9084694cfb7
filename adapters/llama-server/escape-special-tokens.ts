// What is a special token inside a message is to stay text. llama-server looks for them in the whole prompt, so a sign that nobody sees
// is put into each, behind its first character.
import * as v from "valibot";
import { AdapterError, type ChatMessage } from "../adapter.ts";
import { createNameFinder, looksSpecial } from "../shared/special-tokens.ts";

/** Asks the server: `special` says whether texts like `<s>` are to be one token. */
export type Tokenize = (text: string, special: boolean) => Promise<Tokens>;
export type Tokens = v.InferOutput<typeof Tokens>;

/** A piece that is no whole UTF-8 comes as bytes. */
export const Tokens = v.array(v.object({ id: v.number(), piece: v.union([v.string(), v.array(v.number())]) }));

/** WORD JOINER. */
const MARK = "\u2060";
const MOST_ROUNDS = 3;

/** Throws `AdapterError` `messages_refused` where a special token cannot be made harmless. */
export type Defuse = (messages: readonly ChatMessage[], tokenize: Tokenize) => Promise<ChatMessage[]>;

/** `names`: of all that the engine may take for special. Only it knows whether it does, but to ask it takes time before each first token. */
export function defuser(names: ReadonlySet<string>): Defuse {
  const holdsName = createNameFinder(names);
  return async (messages, tokenize) => {
    let safe = [...messages];
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const text = textsOf(safe).filter(holdsName).join("\n");
      if (text === "") return safe;
      const [parsed, plain] = await Promise.all([tokenize(text, true), tokenize(text, false)]);
      const special = specialOf(parsed, plain);
      if (special.length === 0 && same(parsed, plain)) return safe;
      safe = safe.map((message) => mapped(message, (text) => special.reduce(split, text)));
    }
    throw new AdapterError("messages_refused", "A special token of the model stands in a message and cannot be made plain text.");
  };
}

function same(one: Tokens, other: Tokens): boolean {
  return one.length === other.length && one.every(({ id }, index) => id === other[index]!.id);
}

/** Names: of what is read otherwise where special tokens count, and of what steers the model though it has the type of plain text. */
function specialOf(parsed: Tokens, plain: Tokens): string[] {
  const ordinary = new Set(plain.map(({ id }) => id));
  const names = parsed
    .filter(({ id, piece }) => typeof piece === "string" && piece.length > 1 && (!ordinary.has(id) || looksSpecial(piece)))
    .map(({ piece }) => piece as string);
  return [...new Set(names)];
}

function split(text: string, name: string): string {
  const [first = ""] = name;
  return text.replaceAll(name, first + MARK + name.slice(first.length));
}

function textsOf(messages: readonly ChatMessage[]): string[] {
  const texts: string[] = [];
  for (const message of messages) mapped(message, (text) => (texts.push(text), text));
  return texts;
}

/** All that a client wrote in it; tool calls are the client's as much as its own words. */
function mapped(message: ChatMessage, change: (text: string) => string): ChatMessage {
  const { content, tool_calls } = message;
  return {
    ...message,
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
