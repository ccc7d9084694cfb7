// Clients that are as slow as they can be without being cut: what they cost those beside them.
import { connect, type Socket } from "node:net";
import { get } from "./load.ts";

const BODY = "POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
/** What each kind sends at first. The first two go on with a byte a second; the third takes nothing of what `path` answers. */
const KINDS = [() => "GET /ok HTTP/1.1\r\nX-Slow: ", () => BODY, (path: string) => get(path)];

/** Keeps `count` of them at the server at `url`, a third of each kind; one that the server closes comes again. Answers what ends them. */
export function keepSlowClients(url: string, count: number, path: string): () => void {
  const { hostname, port } = new URL(url);
  const sockets = new Map<number, Socket>();
  let over = false;
  const come = (n: number): void => {
    if (over) return;
    const socket = connect(Number(port), hostname);
    socket.pause();
    socket.write(KINDS[n % KINDS.length]!(path));
    socket.on("error", () => {}).on("close", () => setTimeout(come, 1000, n));
    sockets.set(n, socket);
  };
  for (let n = 0; n < count; n++) come(n);
  const trickle = setInterval(() => {
    for (const [n, socket] of sockets) if (n % KINDS.length < 2) socket.write(" ");
  }, 1000);
  return () => {
    over = true;
    clearInterval(trickle);
    for (const socket of sockets.values()) socket.destroy();
  };
}
