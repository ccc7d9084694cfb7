// Parts of messages and of instructions in a request for decisions: texts, images and JSON.
import * as v from "valibot";
import type { ChatMessage, ContentPart } from "../../../adapters/adapter.ts";
import { codedMessage } from "../../support/coded-message.ts";
import { ImageData } from "../chat/messages.ts";
import { object, record, variant, withExample } from "../objects.ts";

const InputText = v.pipe(
  object({ type: v.literal("input_text"), text: v.string() }),
  v.transform(({ text }): ContentPart => ({ type: "text", text })),
);

const InputImage = v.pipe(
  object({ type: v.literal("input_image"), image_url: ImageData }),
  v.transform(({ image_url }): ContentPart => ({ type: "image_url", image_url: { url: image_url } })),
);

const JsonObject = record(v.string(), v.unknown());

const InputJson = v.pipe(
  object({
    type: v.literal("input_json"),
    data: v.union([withExample(v.array(JsonObject), [{ city: "Oslo" }]), withExample(JsonObject, { city: "Oslo" })]),
  }),
  v.transform(({ data }): ContentPart => ({ type: "text", text: JSON.stringify(data) })),
);

const OutputText = v.pipe(
  object({ type: v.literal("output_text"), text: v.string() }),
  v.transform(({ text }): ContentPart => ({ type: "text", text })),
);

/** A refusal is what was said. */
const Refusal = v.pipe(
  object({ type: v.literal("refusal"), refusal: v.string() }),
  v.transform(({ refusal }): ContentPart => ({ type: "text", text: refusal })),
);

/** What is said of a part whose type is none of those; of one without a type, what is always said. */
const only =
  (types: string) =>
  ({ input, received }: v.VariantIssue): string =>
    typeof input === "string"
      ? codedMessage("unsupported_content", `Only parts of ${types} can be read here. Leave out the others.`)
      : received;

/** A text, or parts. */
const contentOf = <Schema extends v.GenericSchema<unknown, ContentPart>>(Part: Schema, example: v.InferInput<Schema>) =>
  v.union([
    v.string(),
    v.pipe(
      withExample(v.array(withExample(Part, example)), [example] as never),
      v.transform((parts) => joinTexts(parts)),
    ),
  ]);

const INPUT = { type: "input_text", text: "Hello" } as const;
const OUTPUT = { type: "output_text", text: "Hello" } as const;

export const UserContent = contentOf(
  variant("type", [InputText, InputImage, InputJson], only("type input_text, input_image and input_json")),
  INPUT,
);
export const InstructingContent = contentOf(variant("type", [InputText], only("type input_text")), INPUT);
export const AssistantContent = contentOf(variant("type", [OutputText, Refusal], only("type output_text and refusal")), OUTPUT);
export const OutputContent = contentOf(variant("type", [InputText, InputImage], only("type input_text and input_image")), INPUT);

/** A line for each text, where there are no images. */
export function joinTexts(parts: readonly ContentPart[]): ChatMessage["content"] {
  const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []));
  return texts.length === parts.length ? texts.join("\n") : [...parts];
}
