// The AI SDK, against a running ingle.
import { env, stdout } from "node:process";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";

const ingle = createOpenAICompatible({
  name: "ingle",
  baseURL: `${env.INGLE_URL ?? "http://127.0.0.1:1337"}/v1`,
  apiKey: env.INGLE_KEY ?? "none",
  includeUsage: true,
});

const result = streamText({
  model: ingle(env.INGLE_MODEL ?? "smollm2-135m-instruct"),
  prompt: "What is the capital of France? Answer in one sentence.",
});
for await (const text of result.textStream) stdout.write(text);
const { outputTokens } = await result.usage;
console.log(`\n${outputTokens} tokens.`);
