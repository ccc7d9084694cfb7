// The API over one model on one native engine, and the answers that it gives to chat requests.
import type { Adapter } from "../../adapters/adapter.ts";
import type { InstalledModel } from "../../models/manifest.ts";
import { makeApp, makeModel } from "../support/app.ts";
import { framesOf } from "../support/frames.ts";

export interface ModelApi {
  /** Throws what is no answer. `stream`: whether its events are read, and put together. */
  answer(body: { stream: boolean } & Record<string, unknown>): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer {
  text: string;
  calls: Call[];
  reason: string;
  /** As `x_ingle_schema`. */
  broken?: unknown;
}

export interface Call {
  id: string;
  function: { name: string; arguments: string };
}

export function openModelApi(adapter: Adapter, installed: InstalledModel, context: number): ModelApi {
  const resolve = async () => installed;
  // One thread: several wait for each other where the machine has other work, and no time is measured here.
  const pool_options = { slots: 1, threads: 1, context, resolve };
  const { chat, pool } = makeApp({ adapter, models: [makeModel(installed.id)], pool: pool_options });
  return {
    async answer(body) {
      const res = await chat({ model: installed.id, ...body });
      if (res.status !== 200) throw new Error(await res.text());
      return body.stream ? streamed(res) : whole(await res.json());
    },
    close: () => pool.close(0),
  };
}

function whole({ choices: [choice], x_ingle_schema: broken }: any): Answer {
  const { content, tool_calls = [] } = choice.message;
  return { text: content ?? "", calls: tool_calls, reason: choice.finish_reason, broken };
}

async function streamed(res: Response): Promise<Answer> {
  const { data, done } = await framesOf(res);
  if (!done) throw new Error(`The stream ended with ${JSON.stringify(data.at(-1))}.`);
  const answer: Answer = { text: "", calls: [], reason: "", broken: data.at(-1).x_ingle_schema };
  for (const { choices } of data) {
    const [{ delta, finish_reason }] = choices;
    answer.text += delta.content ?? "";
    answer.reason = finish_reason ?? answer.reason;
    for (const { index, id, function: piece } of delta.tool_calls ?? []) {
      const call = (answer.calls[index] ??= { id, function: { name: "", arguments: "" } });
      call.function.name += piece.name ?? "";
      call.function.arguments += piece.arguments;
    }
  }
  return answer;
}
