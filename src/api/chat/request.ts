// The body of a chat request, as far as every engine honours it, and the request that an engine gets because of it.
import * as v from "valibot";
import type { Capability, ChatRequest } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { CHAT_DEFAULTS } from "../generation/defaults.ts";
import { generationFields } from "../generation/fields.ts";
import { readSampling } from "../generation/sampling.ts";
import { readContinuation } from "./continuation.ts";
import { readOptionalParameters } from "./optional-parameters.ts";
import { imageDetails, Message, refuseUnsupportedMessages } from "./messages.ts";
import { looseObject } from "../objects.ts";

const { model: MODEL, ...FIELDS } = generationFields({ least_tokens: 1 });

/** Null stands for the default; fields that are not here pass, for optional-parameters.ts. */
export const ChatCompletionRequest = looseObject({
  model: MODEL,
  messages: v.pipe(
    v.array(Message),
    v.minLength(1),
    v.maxLength(100_000, codedMessage("too_many_messages", "At most 100,000 messages are allowed. Send fewer.")),
  ),
  ...FIELDS,
  continue_final_message: v.nullish(v.boolean()),
  add_generation_prompt: v.nullish(v.boolean()),
});
export type ChatCompletionRequest = v.InferOutput<typeof ChatCompletionRequest>;

/**
 * Values of the request, else of the model, else the document's defaults; the names of the fields that are passed over; and whether thoughts
 * stay here. Throws 400 for fields that the engine would drop. `request`: `respell` has been over it.
 */
export function toChatRequest(
  request: ChatCompletionRequest,
  model: Model,
  capabilities: readonly Capability[],
  newSeed: () => number,
): { chat: Omit<ChatRequest, "cache_scope">; ignored: string[]; hides_thoughts: boolean } {
  refuseUnsupportedMessages(request.messages, capabilities);
  const continued = readContinuation(request);
  const usual = { model: model.parameters.max_tokens, otherwise: CHAT_DEFAULTS.max_tokens };
  const sampling = readSampling(request, model, { newSeed, max_tokens: usual });
  const { parameters, ignored, hides_thoughts } = readOptionalParameters(request, model, capabilities, sampling.max_tokens);
  const chat = {
    messages: request.messages,
    ...sampling,
    ...(continued !== undefined && { continue_final_message: continued }),
    ...parameters,
  };
  const details = model.upstream === undefined ? imageDetails(request.messages) : [];
  return { chat, ignored: [...details, ...ignored], hides_thoughts };
}
