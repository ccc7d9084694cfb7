// A server with OpenAI's API and a switch for everything that can go wrong there.
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What becomes of chat requests. */
export type Behaviour =
  | { kind: "answers"; text?: string; ms?: number }
  /** Takes the request and says nothing. */
  | { kind: "hangs" }
  /** Says a word, and then nothing. */
  | { kind: "hangs_amid" }
  /** Says nothing but comments, so often, and answers after so long; in ms. */
  | { kind: "pings"; every_ms: number; ms: number }
  /** Takes the request and breaks the connection. */
  | { kind: "resets" }
  /** Says a word and breaks the connection. */
  | { kind: "cut" }
  /** Says a word and ends well, without a finish. */
  | { kind: "ends_early" }
  | { kind: "status"; status: number; body?: string; headers?: Record<string, string> }
  /** These bytes, with 200. */
  | { kind: "says"; type: string; body: string }
  /** These pieces of a stream, one every so many ms. */
  | { kind: "pieces"; pieces: string[]; every_ms: number }
  /** One line that never ends. */
  | { kind: "endless" };

export interface FakeUpstream {
  /** With `/v1`. */
  url: string;
  host: string;
  /** Chat requests so far. */
  chats: { headers: IncomingHttpHeaders; body: any }[];
  behave(behaviour: Behaviour): void;
  /** Each of these once, then the last one for ever. */
  behaveInTurn(behaviours: Behaviour[]): void;
  /** What GET /models answers. */
  lists(status: number, body: unknown): void;
  /** Connections that are open. */
  sockets(): number;
  /** Breaks all connections and refuses further ones. */
  stop(): Promise<void>;
  /** Serves again, at the same address. */
  start(): Promise<void>;
}

export const chunk = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`;

const USAGE = { prompt_tokens: 7, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 3 } };

const END = `${chunk({}, "stop")}data: ${JSON.stringify({ choices: [], usage: USAGE })}\n\ndata: [DONE]\n\n`;

export async function startFakeUpstream(model = "m"): Promise<FakeUpstream> {
  let behaviours: Behaviour[] = [{ kind: "answers" }];
  let listed = { status: 200, body: { object: "list", data: [{ id: model }] } as unknown };
  const chats: FakeUpstream["chats"] = [];
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  const start = async (): Promise<void> => {
    server = createServer((request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (piece) => (text += piece));
      request.on("end", () => {
        if (request.method === "GET") return void json(response, listed.status, listed.body);
        chats.push({ headers: request.headers, body: JSON.parse(text) });
        perform(behaviours.length > 1 ? behaviours.shift()! : behaviours[0]!, response);
      });
    });
    server.on("connection", (socket) => sockets.add(socket.on("close", () => sockets.delete(socket))));
    await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
    ({ port } = server.address() as AddressInfo);
  };
  await start();
  return {
    url: `http://127.0.0.1:${port}/v1`,
    host: `127.0.0.1:${port}`,
    chats,
    behave: (next) => void (behaviours = [next]),
    behaveInTurn: (all) => void (behaviours = [...all]),
    lists: (status, body) => void (listed = { status, body }),
    sockets: () => sockets.size,
    start,
    async stop() {
      const closed = new Promise((done) => server.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function perform(behaviour: Behaviour, response: ServerResponse): void {
  switch (behaviour.kind) {
    case "answers":
      setTimeout(() => stream(response, chunk({ content: behaviour.text ?? "hello" }) + END).end(), behaviour.ms ?? 0);
      return;
    case "hangs":
      return;
    case "hangs_amid":
      return void stream(response, chunk({ content: "hel" }));
    case "pings": {
      const timer = setInterval(() => stream(response, ": ping\n\n"), behaviour.every_ms);
      setTimeout(() => (clearInterval(timer), stream(response, chunk({ content: "late" }) + END).end()), behaviour.ms);
      return;
    }
    case "resets":
      return void response.socket!.destroy();
    case "cut":
      stream(response, chunk({ content: "hel" }));
      setTimeout(() => response.socket!.destroy(), 20);
      return;
    case "ends_early":
      return void stream(response, chunk({ content: "hel" })).end();
    case "status":
      response
        .writeHead(behaviour.status, { "content-type": "application/json", ...behaviour.headers })
        .end(behaviour.body ?? "");
      return;
    case "says":
      return void response.writeHead(200, { "content-type": behaviour.type }).end(behaviour.body);
    case "pieces": {
      const [first = "", ...others] = behaviour.pieces;
      stream(response, first);
      if (others.length === 0) return void response.end();
      setTimeout(() => perform({ ...behaviour, pieces: others }, response), behaviour.every_ms);
      return;
    }
    case "endless": {
      stream(response, "data: ");
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    }
  }
}

function stream(response: ServerResponse, text: string): ServerResponse {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(text);
  return response;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(typeof body === "string" ? body : JSON.stringify(body));
}
