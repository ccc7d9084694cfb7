// What is a special token inside a message is to stay text. llama-server looks for them in the whole prompt, so a sign that nobody sees
// is put into each, behind its first character.
import * as v from "valibot";
import { AdapterError, type ChatMessage } from "../adapter.ts";

/** Asks the server: `special` says whether texts like `<s>` are to be one token. */
export type Tokenize = (text: string, special: boolean) => Promise<Tokens>;
export type Tokens = v.InferOutput<typeof Tokens>;

/** A piece that is no whole UTF-8 comes as bytes. */
export const Tokens = v.array(v.object({ id: v.number(), piece: v.union([v.string(), v.array(v.number())]) }));

/** WORD JOINER. */
const MARK = "\u2060";
const MOST_ROUNDS = 3;

/** Throws `AdapterError` `messages_refused` where a special token cannot be made harmless. */
export async function defused(messages: readonly ChatMessage[], tokenize: Tokenize): Promise<ChatMessage[]> {
  let safe = [...messages];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const text = textsOf(safe).join("\n");
    if (text === "") return safe;
    const [parsed, plain] = await Promise.all([tokenize(text, true), tokenize(text, false)]);
    if (same(parsed, plain)) return safe;
    const names = specialNames(parsed, plain);
    safe = safe.map((message) => mapped(message, (text) => names.reduce(split, text)));
  }
  throw new AdapterError("messages_refused", "A special token of the model stands in a message and cannot be made plain text.");
}

function same(one: Tokens, other: Tokens): boolean {
  return one.length === other.length && one.every(({ id }, index) => id === other[index]!.id);
}

function specialNames(parsed: Tokens, plain: Tokens): string[] {
  const ordinary = new Set(plain.map(({ id }) => id));
  const special = parsed.filter(({ id }) => !ordinary.has(id)).map(({ piece }) => piece);
  return [...new Set(special)].filter((name) => typeof name === "string" && name.length > 1) as string[];
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
