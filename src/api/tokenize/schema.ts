// The bodies of requests for tokens, and for texts of them.
import * as v from "valibot";
import type { TokenizeOptions } from "../../../adapters/completion.ts";
import { ApiError, invalidValue } from "../../http/errors.ts";
import { KeepAlive } from "../../support/quantities.ts";
import { looseObject } from "../objects.ts";

const SHARED = {
  model: v.nullish(v.pipe(v.string(), v.minLength(1))),
  keep_alive: v.nullish(KeepAlive),
};

/** llama-server's and vLLM's. */
export const TokenizeBody = looseObject({
  ...SHARED,
  content: v.nullish(v.string()),
  prompt: v.nullish(v.string()),
  messages: v.nullish(v.array(v.unknown())),
  add_special: v.nullish(v.boolean()),
  add_special_tokens: v.nullish(v.boolean()),
  parse_special: v.nullish(v.boolean()),
  with_pieces: v.nullish(v.boolean()),
  return_token_strs: v.nullish(v.boolean()),
});
export type TokenizeBody = v.InferOutput<typeof TokenizeBody>;

export const DetokenizeBody = looseObject({
  ...SHARED,
  tokens: v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});

/** What is to be tokenized: a text, or a chat, of which `fields` are those that are no others'. */
export type TokenizeSource = { text: string; options: TokenizeOptions } | { fields: Record<string, unknown> };

/** llama-server puts nothing before a `content`, and vLLM what a sequence begins with before a `prompt`. Throws 400. */
export function readSource(body: TokenizeBody): TokenizeSource {
  const { content, prompt, messages, add_special, add_special_tokens, parse_special, with_pieces: _, ...rest } = body;
  if (messages != null) {
    const other = content != null ? "content" : prompt != null ? "prompt" : undefined;
    if (other !== undefined) throw invalidValue(`"${other}" and "messages" are both given. Send one of them.`, other);
    const { return_token_strs: __, ...fields } = rest;
    return { fields: { ...fields, messages } };
  }
  if (content != null && prompt != null && content !== prompt)
    throw invalidValue('"prompt" and "content" say different things. Send one of them.', "prompt");
  const text = content ?? prompt;
  if (text == null) {
    const message = '"content" is missing. Send the text to be tokenized, or "messages".';
    throw new ApiError(400, message, { param: "content", code: "missing_required_parameter" });
  }
  if (add_special != null && add_special_tokens != null && add_special !== add_special_tokens)
    throw invalidValue('"add_special_tokens" and "add_special" say different things. Send one of them.', "add_special_tokens");
  const whole = add_special ?? add_special_tokens ?? content == null;
  return { text, options: { add_special: whole, parse_special: parse_special ?? true } };
}
