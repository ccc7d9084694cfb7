// The client of the engines' benchmarks: bare sockets in a process of its own, so that what it takes of the processor is nobody's.
// A line of `Job` on standard input is one run; its answer is a line of `Outcome[]`, one a request.
import { connect } from "node:net";
import { createInterface } from "node:readline";

export interface Job {
  url: string;
  /** Absent: that of chats. */
  path?: string;
  bodies: object[];
  /** Each as soon as the one before it has ended; absent: all at once. */
  in_turn?: boolean;
  /** When the first request is left: so long after its beginning, or after its first token, in milliseconds. */
  leave?: { after: "beginning" | "token"; ms: number };
}

export interface Outcome {
  /** Of the usage at its end; 0 where it was left. */
  tokens: number;
  prompt_tokens: number;
  /** Since the request was sent, in milliseconds; 0 where none came. */
  first_ms: number;
  /** Until its end, in milliseconds. */
  ms: number;
}

/** A chunk with text, or an answer that ends without one. */
const FIRST = /"(?:content|text)":"[^"]|"finish_reason":"/;
const LONGEST_END = 1_500;

function ask({ url, path = "/v1/chat/completions" }: Job, body: object, leave?: Job["leave"]): Promise<Outcome> {
  const text = JSON.stringify(body);
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n`;
  const { hostname, port } = new URL(url);
  return new Promise((done, fail) => {
    const started = performance.now();
    const socket = connect(Number(port), hostname).setNoDelay(true).setEncoding("latin1");
    let first_ms = 0;
    let seen = "";
    const leaveIn = (): void => void setTimeout(() => socket.destroy(), leave!.ms);
    if (leave?.after === "beginning") leaveIn();
    socket.on("data", (piece: unknown) => {
      seen = (seen + String(piece)).slice(-LONGEST_END);
      if (first_ms > 0 || !FIRST.test(seen)) return;
      first_ms = performance.now() - started;
      if (leave?.after === "token") leaveIn();
    });
    socket.on("error", fail).on("close", () => {
      const usage = (name: string): number | undefined => {
        const [, count] = new RegExp(`"${name}":(\\d+)`).exec(seen) ?? [];
        return count === undefined ? undefined : Number(count);
      };
      const tokens = usage("completion_tokens");
      if (tokens === undefined && leave === undefined) fail(new Error(`An answer without a usage: ${seen}`));
      else done({ tokens: tokens ?? 0, prompt_tokens: usage("prompt_tokens") ?? 0, first_ms, ms: performance.now() - started });
    });
    socket.write(`${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  });
}

async function run(job: Job): Promise<Outcome[]> {
  const { bodies, in_turn = false, leave } = job;
  if (!in_turn) return Promise.all(bodies.map((body) => ask(job, body)));
  const outcomes: Outcome[] = [];
  for (const [i, body] of bodies.entries()) outcomes.push(await ask(job, body, i === 0 ? leave : undefined));
  return outcomes;
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await run(JSON.parse(line) as Job)));
}
