// A conversation as it stands: what each request is made of, and what slash commands look at and change.
import type { Api } from "../api.ts";
import { showWaiting } from "./answer-view.ts";
import type { ImagePart } from "./images.ts";
import type { StreamedAnswer } from "./stream-answer.ts";

export type TypedMessage = {
  role: "system" | "user" | "assistant";
  content: string | ({ type: "text"; text: string } | ImagePart)[];
};

export interface Session {
  readonly api: Api;
  model: string;
  /** The system message. */
  system: string | undefined;
  /** What was said, the oldest first. */
  messages: TypedMessage[];
  /** All answers of this session. */
  readonly answers: StreamedAnswer[];
}

/** What a request says: the system message, then `messages`. */
export function withSystem(system: string | undefined, messages: TypedMessage[]): TypedMessage[] {
  return system === undefined ? messages : [{ role: "system", content: system }, ...messages];
}

/** A question about images, which stand before it. */
export function questionOf(text: string, images: ImagePart[]): TypedMessage {
  return { role: "user", content: images.length > 0 ? [...images, { type: "text", text }] : text };
}

/** Loads a model with a sign that it takes its time. Throws `CliError`. */
export async function loadModel(api: Api, model: string): Promise<void> {
  const waiting = showWaiting(`Loading ${model}`);
  await api.request(`/v1/models/${encodeURIComponent(model)}/start`, { method: "POST" }).finally(waiting.end);
}
