// Hostile requests while another client has a stream: each is refused with its field, or answered, that stream goes on, and the next request works.
import { frameReader } from "../../support/frames.ts";
import { processorTime } from "../../support/processes.ts";
import { goesOn } from "./aftermath.ts";
import { type AnswerServer, PATIENCE_MS } from "./answer-server.ts";
import { HOSTILE_REQUESTS, type HostileRequest } from "./hostile-requests.ts";

const LONGEST_PAUSE_MS = 2_000;

export async function refuseHostile(server: AnswerServer): Promise<{ runs: number; violations: string[] }> {
  const violations: string[] = [];
  let runs = 0;
  const bystander = await watchStream(server);
  for (const request of HOSTILE_REQUESTS) {
    for (const stream of [false, true]) {
      bystander.restart();
      const wrong = await wrongOf(server, request, stream).catch((error: Error) => [error.message]);
      const pause = bystander.longest();
      if (pause > LONGEST_PAUSE_MS) wrong.push(`Another stream paused for ${pause} ms.`);
      runs++;
      violations.push(...wrong.map((words) => `${request.name}${stream ? ", streamed" : ""}: ${words}`));
    }
  }
  violations.push(...(await bystander.end()));
  return { runs, violations: [...violations, ...(await goesOn(server, { model: "plain" }))] };
}

async function wrongOf(server: AnswerServer, { fields, param, code }: HostileRequest, stream: boolean): Promise<string[]> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const response = await server.ask({ model: "plain", fields: { max_tokens: 12, ...fields } }, { stream }, signal);
  const text = await response.text();
  const wrong: string[] = [];
  if (response.status === 400) {
    const { error } = JSON.parse(text) as { error: { param: string | null; code: string; message: string } };
    if (error.param === null || error.message.length < 20) wrong.push(`Its refusal says ${JSON.stringify(error)}.`);
    if (param !== undefined && (error.param !== param || error.code !== code))
      wrong.push(`It is refused as ${error.code} of ${error.param}.`);
  } else if (response.status !== 200) wrong.push(`It is answered ${response.status} ${text.slice(0, 200)}.`);
  else if (param !== undefined) wrong.push("It is answered.");
  else if (stream && !text.endsWith("data: [DONE]\n\n")) wrong.push(`Its stream ends with ${text.slice(-200)}.`);
  const next = await server.ask({ model: "plain", fields: { max_tokens: 1 } });
  await next.text();
  return next.status === 200 ? wrong : [...wrong, `The next request is answered ${next.status}.`];
}

/**
 * A stream of another client, and the longest pause between two of its pieces, in ms. On a machine that others use, a pause is the server's
 * only as far as it computes meanwhile.
 */
async function watchStream(server: AnswerServer) {
  const client = new AbortController();
  const now = () => ({ time: Date.now(), computed: processorTime(server.pid) });
  let longest = 0;
  let last = now();
  let error: unknown;
  const notePause = (): number => {
    const before = last;
    last = now();
    return (longest = Math.max(longest, Math.min(last.time - before.time, last.computed - before.computed)));
  };
  const read = async (): Promise<void> => {
    while (!client.signal.aborted) {
      // A model of random weights may say nothing but parts of characters.
      const fields = { max_tokens: 6_000, grammar: "root ::= [a-z ] root" };
      const reader = frameReader(await server.ask({ model: "plain", fields }, { stream: true }, client.signal));
      for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
        if (frame.error !== undefined) error = frame.error;
        notePause();
      }
    }
  };
  const reading = read().catch((thrown: unknown) => (client.signal.aborted ? undefined : (error = thrown)));
  return {
    restart: () => void ([longest, last] = [0, now()]),
    longest: notePause,
    async end(): Promise<string[]> {
      client.abort();
      await reading;
      return error === undefined ? [] : [`Another stream failed: ${JSON.stringify(error)}.`];
    },
  };
}
