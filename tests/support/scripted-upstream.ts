// A server with OpenAI's API that says what it is asked for by a script: it calls the tool that it is given, says what the tool found,
// and where there is no tool, says a sentence whose second half can be held back.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { chunk } from "./fake-upstream.ts";

export const HALVES = ["The capital of France ", "is Paris."] as const;
export const CALL = { name: "weather", arguments: { city: "Paris" } };

export interface ScriptedUpstream {
  /** With `/v1`. */
  url: string;
  /** From now on the second halves of sentences wait, until what is returned is called. */
  hold(): () => void;
  close(): void;
}

export async function startScriptedUpstream(): Promise<ScriptedUpstream> {
  let gate = Promise.resolve();
  const server = createServer((request, response) => {
    if (request.method === "GET") return void response.end(JSON.stringify({ object: "list", data: [{ id: "scripted" }] }));
    let text = "";
    request.setEncoding("utf8").on("data", (piece) => (text += piece));
    request.on("end", () => void answer(JSON.parse(text), response, gate));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Asked {
  messages: { role: string; content: string }[];
  tools?: { function: { name: string } }[];
}

async function answer({ messages, tools }: Asked, response: ServerResponse, gate: Promise<void>): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const end = (reason: string): void => {
    const usage = { prompt_tokens: 7, completion_tokens: 2 };
    response.end(`${chunk({}, reason)}data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
  };
  const last = messages.at(-1)!;
  if (last.role === "tool") {
    response.write(chunk({ content: `I was told: ${last.content}` }));
    return end("stop");
  }
  if (tools?.some(({ function: { name } }) => name === CALL.name)) {
    const pieces = [JSON.stringify(CALL.arguments).slice(0, 5), JSON.stringify(CALL.arguments).slice(5)];
    const call = { index: 0, id: "call_0", type: "function", function: { name: CALL.name, arguments: "" } };
    response.write(chunk({ tool_calls: [call] }));
    for (const piece of pieces) response.write(chunk({ tool_calls: [{ index: 0, function: { arguments: piece } }] }));
    return end("tool_calls");
  }
  response.write(chunk({ content: HALVES[0] }));
  await gate;
  response.write(chunk({ content: HALVES[1] }));
  end("stop");
}
