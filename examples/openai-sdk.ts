// OpenAI's own SDK, against a running ingle: a chat that is streamed, and a thread that is still there after a restart.
import { env, stdout } from "node:process";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: `${env.INGLE_URL ?? "http://127.0.0.1:1337"}/v1`, apiKey: env.INGLE_KEY ?? "none" });

const models = await client.models.list();
const model = models.data[0]?.id;
if (model === undefined) throw new Error('No model is installed. Run "ingle pull".');

const content = "What is the capital of France? Answer in one sentence.";
const stream = await client.chat.completions.create({ model, messages: [{ role: "user", content }], stream: true });
let said = "";
for await (const chunk of stream) {
  const text = chunk.choices[0]?.delta.content ?? "";
  said += text;
  stdout.write(text);
}
stdout.write("\n");

const thread = await client.beta.threads.create({ messages: [{ role: "user", content }] });
await client.beta.threads.messages.create(thread.id, { role: "assistant", content: said });
const kept = await client.beta.threads.messages.list(thread.id);
console.log(`${thread.id} holds ${kept.data.length} messages.`);
