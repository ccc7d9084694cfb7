// Clients that leave at a random moment: while they send, while they wait, or amid the answer, with a FIN or with a reset.
import { connect } from "node:net";

export interface Leavers {
  url: string;
  /** In all. */
  count: number;
  /** At a time. */
  wide: number;
  /** The body of each, a stream. */
  body: string;
  /** In ms: none stays longer. */
  longest: number;
}

/** How many left before anything came, and amid their answer; and the rest, which was refused or had its whole answer. */
export type Left = Record<"before" | "amid" | "rest", number>;

/** Resolves when all have left. */
export async function leave({ url, count, wide, body, longest }: Leavers): Promise<Left> {
  const { hostname, port } = new URL(url);
  const text =
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const left: Left = { before: 0, amid: 0, rest: 0 };
  let begun = 0;

  const one = (): Promise<void> =>
    new Promise((done) => {
      const socket = connect(Number(port), hostname);
      // One in ten leaves with its request half sent.
      const sent = Math.random() < 0.1 ? text.slice(0, Math.floor(Math.random() * text.length)) : text;
      let came = "";
      const go = (): void => void (Math.random() < 0.5 ? socket.destroy() : socket.resetAndDestroy());
      socket.on("connect", () => socket.write(sent)).on("error", () => {});
      socket.setEncoding("latin1").on("data", (piece: string) => (came += piece));
      const timer = setTimeout(go, Math.random() * longest);
      socket.on("close", () => {
        clearTimeout(timer);
        const whole = came.includes("[DONE]") || came.startsWith("HTTP/1.1 4");
        left[came === "" ? "before" : whole ? "rest" : "amid"]++;
        done();
      });
    });
  const lane = async (): Promise<void> => {
    while (begun++ < count) await one();
  };
  await Promise.all(Array.from({ length: wide }, lane));
  return left;
}
