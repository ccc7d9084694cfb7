// All events of one answer, and what they say.
import type { ChatEvent, CompletionEvent, ScoredToken, Usage } from "../../adapters/adapter.ts";

export interface Answer {
  events: ChatEvent[];
  text: string;
  finish: Extract<ChatEvent, { type: "finish" }>;
  usage: Usage;
  calls: { id: string; name: string; arguments: string }[];
}

/** The same of a completion, and the tokens of a prompt that was scored. */
export async function collectCompletion(events: AsyncIterable<CompletionEvent>): Promise<Answer & { scored: ScoredToken[] }> {
  const scored: ScoredToken[] = [];
  async function* others(): AsyncGenerator<ChatEvent> {
    for await (const event of events) {
      if (event.type === "scored") scored.push(...event.tokens);
      else yield event;
    }
  }
  return { ...(await collect(others())), scored };
}

export async function collect(events: AsyncIterable<ChatEvent>): Promise<Answer> {
  const seen: ChatEvent[] = [];
  for await (const event of events) seen.push(event);
  const finish = seen.at(-1);
  if (finish?.type !== "finish") throw new Error(`The last event is ${JSON.stringify(finish)}.`);
  const text = seen.map((event) => (event.type === "text" ? event.text : "")).join("");
  return { events: seen, text, finish, usage: finish.usage, calls: callsOf(seen) };
}

function callsOf(events: ChatEvent[]): Answer["calls"] {
  const calls: Answer["calls"] = [];
  for (const event of events) {
    if (event.type !== "tool_call") continue;
    const call = (calls[event.index] ??= { id: "", name: "", arguments: "" });
    call.id += event.id ?? "";
    call.name += event.name ?? "";
    call.arguments += event.arguments;
  }
  return calls;
}
