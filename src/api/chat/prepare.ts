// What a chat request asks of an engine, in the engine's words, and back: errors and headers say it in the client's.
import type { Adapter, ChatEvent, ChatRequest } from "../../../adapters/adapter.ts";
import type { Model } from "../../../models/manifest.ts";
import type { PreparedGeneration } from "../generation/answer-generation.ts";
import { type ChatCompletionRequest, toChatRequest } from "./request.ts";
import { inClientsWords, respell, type RespelledRequest } from "../generation/respell.ts";

export interface PreparedChat extends PreparedGeneration<ChatEvent> {
  /** The paths of what is passed over. */
  ignored: string[];
  legacy_calls: boolean;
  /** What an engine gets, of one answer at a time. */
  chat: ChatRequest;
  /** Throws the errors of a call of an engine in the client's words. */
  worded<Result>(call: Promise<Result>): Promise<Result>;
}

interface PrepareOptions extends Pick<ChatRequest, "cache_scope"> {
  model: Model;
  adapter: Pick<Adapter, "capabilities" | "passedOver">;
  newSeed: () => number;
  /** As `TemplateNotes.withNote`; absent where nothing is known of templates. */
  withNote?: ((model: Model) => Promise<Model>) | undefined;
}

/** Throws 400 for what the engine would drop, or cannot honour. */
export async function prepareChat(
  sent: ChatCompletionRequest,
  { model, adapter, newSeed, withNote, cache_scope }: PrepareOptions,
): Promise<PreparedChat> {
  const respelled = respell(sent);
  const { clientPath, legacy_calls } = respelled;
  try {
    const asked = toChatRequest(respelled.request as ChatCompletionRequest, model, adapter.capabilities(model), newSeed);
    const chat: ChatRequest = { ...asked.chat, cache_scope };
    // What of a tool's schema is enforced depends on how the model calls tools.
    const noted = chat.tools && withNote ? await withNote(model) : model;
    const unenforced = [...((await adapter.passedOver?.(chat, noted)) ?? [])].map(clientPath);
    return {
      slots: chat.choices?.count ?? 1,
      ignored: [...asked.ignored.map(clientPath), ...unenforced],
      unenforced,
      ...{ legacy_calls, chat },
      worded: (call) =>
        call.catch((error: unknown) => {
          throw inClientsWords(error, respelled);
        }),
      answer(engine, signal, slots) {
        const all_events = engine.chat(withSlots(chat, slots), signal);
        const events = asked.hides_thoughts ? withoutThoughts(all_events) : all_events;
        return respelled.request === sent ? events : wordedEvents(events, respelled);
      },
    };
  } catch (error) {
    throw inClientsWords(error, respelled);
  }
}

function withSlots(chat: ChatRequest, slots: number): ChatRequest {
  return chat.choices === undefined ? chat : { ...chat, choices: { ...chat.choices, at_once: slots } };
}

/** The client wants no thoughts; they count as tokens all the same. */
async function* withoutThoughts(events: AsyncIterable<ChatEvent>): AsyncGenerator<ChatEvent> {
  for await (const event of events) if (event.type !== "reasoning") yield event;
}

/** Throws what the events throw, with the fields as the client has written them. */
export async function* wordedEvents(
  events: AsyncIterable<ChatEvent>,
  words: Pick<RespelledRequest, "clientPath">,
): AsyncGenerator<ChatEvent> {
  try {
    yield* events;
  } catch (error) {
    throw inClientsWords(error, words);
  }
}
