// The AI SDK with a tool: the model calls it, it runs here, and the model answers with what it found. Every chat model can be asked to; one that
// was made for tools knows when to.
import { env, stdout } from "node:process";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const ingle = createOpenAICompatible({
  name: "ingle",
  baseURL: `${env.INGLE_URL ?? "http://127.0.0.1:1337"}/v1`,
  apiKey: env.INGLE_KEY ?? "none",
});

const weather = tool({
  description: "The weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `It is sunny in ${city}.`,
});

const result = streamText({
  model: ingle(env.INGLE_MODEL ?? "qwen3-0.6b"),
  prompt: "What is the weather in Paris?",
  tools: { weather },
  stopWhen: stepCountIs(3),
});
for await (const part of result.fullStream) {
  if (part.type === "tool-call") stdout.write(`${part.toolName} ${JSON.stringify(part.input)}\n`);
  if (part.type === "text-delta") stdout.write(part.text);
}
stdout.write("\n");
