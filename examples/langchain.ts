// LangChain, against a running ingle.
import { env, stdout } from "node:process";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { ChatOpenAI } from "@langchain/openai";

const model = new ChatOpenAI({
  model: env.INGLE_MODEL ?? "smollm2-135m-instruct",
  apiKey: env.INGLE_KEY ?? "none",
  configuration: { baseURL: `${env.INGLE_URL ?? "http://127.0.0.1:1337"}/v1` },
});
const prompt = ChatPromptTemplate.fromMessages([["user", "What is the capital of {country}? Answer in one sentence."]]);

for await (const { content } of await prompt.pipe(model).stream({ country: "France" })) stdout.write(String(content));
stdout.write("\n");
