// A load from bare sockets: what the client takes of the processor is not the server's.
import { connect } from "node:net";

export interface Load {
  url: string;
  /** Connections, each with one request at a time. */
  wide: number;
  /** In all. */
  requests: number;
  /** Of the connection with this number. */
  request: (connection: number) => string;
}

export interface Outcome {
  per_second: number;
  /** Milliseconds of each request, ascending. */
  ms: number[];
}

/** Throws at the first answer that is not a 200. */
export async function load({ url, wide, requests, request }: Load): Promise<Outcome> {
  const { hostname, port } = new URL(url);
  const ms: number[] = [];
  let left = requests;
  const connection = (number: number): Promise<void> =>
    new Promise((done, fail) => {
      const bytes = request(number);
      const socket = connect(Number(port), hostname);
      let sent = 0;
      let text = "";
      const next = (): void => {
        if (left-- <= 0) {
          socket.end();
          return done();
        }
        sent = performance.now();
        text = "";
        socket.write(bytes);
      };
      socket.setNoDelay(true).setEncoding("latin1");
      socket.on("connect", next).on("error", fail);
      // After `done` nobody hears of it.
      socket.on("close", () => fail(new Error(`The server has closed a connection amid its requests: ${text}`)));
      socket.on("data", (piece: string) => {
        text += piece;
        const head = text.indexOf("\r\n\r\n");
        if (head < 0) return;
        if (!text.startsWith("HTTP/1.1 200")) return fail(new Error(text.slice(0, 1000)));
        const length = /content-length: (\d+)/i.exec(text.slice(0, head))?.[1];
        // Without a length it comes in chunks, of which the last is empty.
        if (length === undefined ? !text.endsWith("\r\n0\r\n\r\n") : text.length < head + 4 + Number(length)) return;
        ms.push(performance.now() - sent);
        next();
      });
    });
  const started = performance.now();
  await Promise.all(Array.from({ length: wide }, (_, i) => connection(i)));
  const per_second = (requests / (performance.now() - started)) * 1000;
  return { per_second, ms: ms.sort((a, b) => a - b) };
}

export function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
}

export function post(path: string, body: object): string {
  const text = JSON.stringify(body);
  const type = "Content-Type: application/json";
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${type}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}
