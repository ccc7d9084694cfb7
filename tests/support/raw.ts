// HTTP by hand: what clients with bad manners put on the wire, which fetch() refuses to send.
import { connect, type Socket } from "node:net";

export interface Raw {
  send(text: string | Uint8Array): void;
  /** All bytes so far as text, once they match; rejects after `ms` milliseconds with what came instead. */
  until(pattern: RegExp, ms?: number): Promise<string>;
  /** All bytes so far as text, once `isEnough` says so of them and of whether the server has closed the connection. */
  heard(isEnough: (text: string, over: boolean) => boolean, ms?: number): Promise<string>;
  /** All that came until the server closed the connection. */
  closed(ms?: number): Promise<string>;
  /** Leaves: FIN. */
  end(): void;
  socket: Socket;
}

/** Opens a connection to the server at `url`. */
export async function raw(url: string): Promise<Raw> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname.replace(/^\[(.*)\]$/, "$1"));
  let text = "";
  let over = false;
  const watchers = new Set<() => void>();
  const wake = () => watchers.forEach((watcher) => watcher());
  socket.setEncoding("latin1").on("data", (data) => ((text += data), wake()));
  socket.on("error", () => {}).on("close", () => ((over = true), wake()));
  await new Promise((resolve) => socket.once("connect", resolve));

  const wait = (done: () => boolean, ms: number) =>
    new Promise<string>((resolve, reject) => {
      const check = () => done() && (stop(), resolve(text));
      const timer = setTimeout(() => (stop(), reject(new Error(`Not within ${ms} ms. Came: ${JSON.stringify(text)}`))), ms);
      const stop = () => (clearTimeout(timer), watchers.delete(check));
      watchers.add(check);
      check();
    });
  return {
    socket,
    send: (data) => void socket.write(data),
    until: (pattern, ms = 3000) => wait(() => pattern.test(text), ms),
    heard: (isEnough, ms = 3000) => wait(() => isEnough(text, over), ms),
    closed: (ms = 3000) => wait(() => over, ms),
    end: () => void socket.destroy(),
  };
}
