// Fields of messages that no engine gets: gateways mark what is to be cached, and clients send back all that they were answered.
import type { JsonObject } from "../../support/json.ts";
import { droppedFields, type KeptFields } from "../generation/dropped-fields.ts";

const FUNCTION: KeptFields = { name: true, arguments: true };
const MESSAGE: KeptFields = {
  role: true,
  content: { type: true, text: true, refusal: true, image_url: { url: true, detail: true } },
  name: true,
  refusal: true,
  reasoning_content: true,
  reasoning: true,
  thinking: true,
  tool_name: true,
  images: true,
  audio: true,
  tool_calls: { id: true, index: true, type: true, function: FUNCTION },
  tool_call_id: true,
  function_call: FUNCTION,
  // DeepSeek and Mistral ask by it for what a last message of an assistant means anyway.
  prefix: true,
};

/** The paths of fields that ask for something and are passed over, in the messages of a chat request as they were sent. */
export function droppedMessageFields({ messages }: JsonObject): string[] {
  return droppedFields("messages", messages, MESSAGE);
}
