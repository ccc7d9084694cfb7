// The two native engines with one model, in this process, and the tokens that each of them was given.
import type { Adapter, ChatRequest, Engine, TokenLogprob, Usage } from "../../../adapters/adapter.ts";
import { ABOUT as LLAMA_SERVER } from "../../../adapters/llama-server/description.ts";
import { llamaServer } from "../../../adapters/llama-server/adapter.ts";
import { nodeLlamaCpp } from "../../../adapters/node-llama-cpp/adapter.ts";
import { ABOUT as EMBEDDED } from "../../../adapters/node-llama-cpp/description.ts";
import { chatAdapter } from "../../../adapters/shared/chat/chat-adapter.ts";
import type { TokenAdapter } from "../../../adapters/token-engine.ts";
import type { InstalledModel } from "../../../models/manifest.ts";
import { startPrompts } from "../../support/prompts.ts";

/** One of the engines. */
export interface Side {
  name: string;
  ask(request: ChatRequest): Promise<SideAnswer>;
}

export interface SideAnswer {
  /** What the engine read for the first phase of the answer. */
  prompt: readonly number[];
  /** Of each choice: all that it says, calls and the reason of its end included. */
  said: string[];
  /** Of the first choice. */
  logprobs: TokenLogprob[];
  usage: Usage;
}

export interface SidesOptions {
  model: InstalledModel;
  /** Path of llama-server. */
  binary: string;
}

/** Calls `work` with both engines, the embedded one first, and ends them behind it. */
export async function withSides<T>({ model, binary }: SidesOptions, work: (sides: [Side, Side]) => Promise<T>): Promise<T> {
  const prompts = startPrompts();
  const server = llamaServer({ binary: () => binary, env: process.env, prompts });
  const load = async (about: Omit<Adapter, "load">, inner: TokenAdapter) => {
    const given: number[][] = [];
    const engine = await chatAdapter(about, recording(inner, given), prompts).load(
      model,
      { threads: 1, slots: 2, context: 2048 },
      soon(),
    );
    return { engine, side: { name: about.name, ask: (request: ChatRequest) => answerOf(engine, given, request) } };
  };
  const loaded = await Promise.allSettled([load(EMBEDDED, nodeLlamaCpp()), load(LLAMA_SERVER, server)]);
  try {
    const [embedded, other] = loaded.map((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value.side;
    });
    return await work([embedded!, other!]);
  } finally {
    await Promise.all(loaded.map((one) => one.status === "fulfilled" && one.value.engine.close()));
    await prompts.close();
  }
}

const soon = (): AbortSignal => AbortSignal.timeout(120_000);

function recording(inner: TokenAdapter, given: number[][]): TokenAdapter {
  return {
    ...inner,
    async load(...args) {
      const engine = await inner.load(...args);
      return {
        ...engine,
        generate(request, signal) {
          given.push([...request.prompt]);
          return engine.generate(request, signal);
        },
      };
    },
  };
}

async function answerOf(engine: Engine, given: number[][], request: ChatRequest): Promise<SideAnswer> {
  given.length = 0;
  const said = Array.from({ length: request.choices?.count ?? 1 }, () => "");
  const logprobs: TokenLogprob[] = [];
  for await (const event of engine.chat(request, soon())) {
    const choice = event.choice ?? 0;
    if (event.type === "text" && choice === 0) logprobs.push(...(event.logprobs ?? []));
    if (event.type === "text") said[choice] += event.text;
    else if (event.type === "reasoning") said[choice] += `[thought]${event.text}`;
    else if (event.type === "tool_call") said[choice] += `${event.name ? `[call ${event.name}]` : ""}${event.arguments}`;
    else if (event.type === "finish") {
      for (const [at, { reason }] of [event, ...(event.further ?? [])].entries()) said[at] += `[${reason}]`;
      return { prompt: given[0] ?? [], said, logprobs, usage: event.usage };
    }
  }
  throw new Error("The engine left its answer without an end.");
}
