// An adapter of one's own: it counts the words of a message. Queue, slots, streams, threads and errors are ingle's.
import { env } from "node:process";
import { AdapterError, openIngle, type Adapter, type ChatEvent, type ChatRequest } from "ingle";

const counter: Adapter = {
  name: "counter",
  // Of what only some engines can do (images, tools, …) it can do nothing: requests for it are refused before they get here.
  capabilities: () => [],
  async load(model, { slots, context }) {
    const closed = Promise.withResolvers<undefined>();
    return {
      slots,
      context_length: context,
      closed: closed.promise,
      chat: (request, signal) => count(model.id, request, signal),
      close: async () => closed.resolve(undefined),
    };
  },
};

async function* count(model: string, { messages }: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const last = messages.at(-1)?.content;
  if (typeof last !== "string") throw new AdapterError("messages_refused", "The counter reads text alone.");
  const words = last.split(/\s+/).filter(Boolean);
  for (const text of [`${model} counts `, `${words.length} words.`]) {
    // Whoever has left needs no more of it.
    signal.throwIfAborted();
    yield { type: "text", text };
  }
  yield { type: "finish", reason: "stop", usage: { prompt_tokens: words.length, completion_tokens: 4, cached_tokens: 0 } };
}

const ingle = await openIngle({ data: env.DATA ?? "./ingle-data", adapter: counter, models: [{ id: "one" }, { id: "two" }] });

const answer = await ingle.fetch(
  new Request("http://localhost/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "two", messages: [{ role: "user", content: "What is the capital of France?" }] }),
  }),
);
const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] };
console.log(choices[0]?.message.content);
await ingle.close();
