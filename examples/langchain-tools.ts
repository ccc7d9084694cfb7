// LangChain with a tool: the model calls it, it runs here, and the model answers with what it found. Every chat model can be asked to; one that
// was made for tools knows when to.
import { env } from "node:process";
import { HumanMessage, type BaseMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";

const weather = tool(async ({ city }) => `It is sunny in ${city}.`, {
  name: "weather",
  description: "The weather in a city.",
  schema: z.object({ city: z.string() }),
});

const model = new ChatOpenAI({
  model: env.INGLE_MODEL ?? "qwen3-0.6b",
  apiKey: env.INGLE_KEY ?? "none",
  configuration: { baseURL: `${env.INGLE_URL ?? "http://127.0.0.1:1337"}/v1` },
}).bindTools([weather]);

const messages: BaseMessage[] = [new HumanMessage("What is the weather in Paris?")];
for (let step = 0; step < 3; step++) {
  const answer = await model.invoke(messages);
  messages.push(answer);
  if (!answer.tool_calls?.length) break;
  for (const call of answer.tool_calls) {
    console.log(`${call.name} ${JSON.stringify(call.args)}`);
    messages.push(await weather.invoke({ ...call, type: "tool_call" }));
  }
}
console.log(messages.at(-1)?.text);
