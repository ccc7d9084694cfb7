// The real application without a socket: `FOLDER`. A request a line on standard input, its answer a line on standard output.
// Its clock and its dice stand still: strace takes exact paths, so whoever sends a request has to know the ids to come.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { createServer } from "../../src/server/create-server.ts";
import { readConfig } from "../../src/server/read-config.ts";

export interface Command {
  /** Milliseconds since 1970, beyond all earlier ones: what is new gets an id of that time. */
  clock: number;
  method: string;
  path: string;
  body?: object | undefined;
}

export interface Answer {
  status: number;
  body: unknown;
}

const [folder = ""] = process.argv.slice(2);
let clock = 0;
Date.now = () => clock;
crypto.getRandomValues = <T extends ArrayBufferView | null>(array: T): T => (new Uint8Array(array!.buffer).fill(0), array);

const { app } = await createServer(readConfig({ data: folder, adapter: "echo" }), { command: "serve", write: () => {} });
say({ status: 0, body: null });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  clock = command.clock;
  say(await answer(command));
}
process.exit();

async function answer({ method, path, body }: Command): Promise<Answer> {
  const headers = { host: "localhost", ...(body && { "content-type": "application/json" }) };
  const request = new Request(`http://localhost/v1${path}`, { method, headers, body: body ? JSON.stringify(body) : null });
  const res = await app.fetch(request);
  return { status: res.status, body: await res.json() };
}

/** Written when this returns: whatever ends the process afterwards, the answer was given. */
function say(answer: Answer): void {
  writeSync(1, `${JSON.stringify(answer)}\n`);
}
