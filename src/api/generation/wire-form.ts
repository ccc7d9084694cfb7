// What all answers of a generation have in common on the wire.
import type { ChatEvent, SchemaFailure } from "../../../adapters/adapter.ts";
import type { TextUsage } from "../../../adapters/embedding.ts";
import { Comment } from "../../http/sse.ts";

/** Goes out while a model loads. */
export const LOADING = new Comment("loading");

export type Finish = Extract<ChatEvent, { type: "finish" }>;

/** The fields that all objects of one answer have in common. */
export interface AnswerHead {
  id: string;
  /** Whole seconds since 1970. */
  created: number;
  model: string;
  system_fingerprint: string;
}

/** `index`: of the first choice that breaks it; absent where there is one choice. */
export interface BrokenSchema extends SchemaFailure {
  valid: false;
  index?: number;
}

export interface BrokenSchemaOptions {
  /** Called once where a text breaks the schema of its request. */
  onBrokenSchema: (broken: BrokenSchema) => void;
}

/** How each choice ended. */
export const endsOf = (finish: Finish) => [finish, ...(finish.further ?? [])];

/** No finished text is thrown away: one that breaks its schema is given with these words beside it. */
export function brokenSchemaField(finish: Finish, { onBrokenSchema }: BrokenSchemaOptions): { x_ingle_schema?: BrokenSchema } {
  const ends = endsOf(finish);
  const index = ends.findIndex(({ schema_failure }) => schema_failure !== undefined);
  if (index === -1) return {};
  const broken: BrokenSchema = { valid: false, ...ends[index]!.schema_failure!, ...(ends.length > 1 && { index }) };
  onBrokenSchema(broken);
  return { x_ingle_schema: broken };
}

export function wireUsage({
  usage: { prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens },
}: Pick<Finish, "usage">): object {
  return {
    ...{ prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
    prompt_tokens_details: { cached_tokens },
    ...(reasoning_tokens !== undefined && { completion_tokens_details: { reasoning_tokens } }),
  };
}

/** As OpenAI counts texts for which nothing is generated. */
export function wireTextUsage({ prompt_tokens }: TextUsage) {
  return { prompt_tokens, total_tokens: prompt_tokens };
}
