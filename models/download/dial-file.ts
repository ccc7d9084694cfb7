// One GET of a file, over the bare connection: a runtime's HTTP client makes an object of every 16 to 64 KB that come, which takes
// twice the time of receiving them, and up to 300 MB on Deno. Here they all come through the same memory.
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { publicLookup } from "./addresses.ts";
import type { Answer, Dial } from "./answer.ts";
import { headReader, type Head } from "./http-head.ts";

/** A body without `content-length` is not read. */
export const dialFile: Dial = (...asked) => dialled(1 << 20, ...asked);

/** `dialFile` for one of many short and slow connections, with memory that costs nothing. */
export const dialRange: Dial = (...asked) => dialled(1 << 16, ...asked);

/** `most`: bytes that one call of the system gives at most, and that may wait for their reader before the sender is held back. */
const dialled = (most: number, ...[url, { headers, inside, signal }]: Parameters<Dial>): ReturnType<Dial> =>
  new Promise((resolve, reject) => {
    const readHead = headReader();
    const body = inbox(2 * most);
    let left: number | undefined;

    const onBody = (bytes: Uint8Array): void => {
      const mine = bytes.subarray(0, left); // what a server sends beyond its own length is nobody's
      left! -= mine.length;
      if (body.put(mine) >= most) socket.pause();
      if (left === 0) close();
    };
    const onBytes = (bytes: Uint8Array): void => {
      if (left !== undefined) return onBody(bytes);
      const found = readHead(bytes);
      if (!found) return;
      left = Number(found.head.headers.get("content-length") ?? 0);
      resolve(answerOf(found.head));
      onBody(found.rest);
    };
    const answerOf = ({ status, headers }: Head): Answer => {
      const read = (): Promise<Uint8Array | undefined> => {
        const taken = body.take();
        socket.resume();
        return taken;
      };
      return { status, headers, read, close };
    };
    const close = (error?: Error): void => {
      reject(error ?? new Error("it ended the connection without an answer"));
      body.end(error);
      socket.destroy();
      signal.removeEventListener("abort", onAbort);
    };
    const onAbort = (): void => close(signal.reason as Error);

    const socket = open(url, inside, most, (bytes) => {
      try {
        onBytes(bytes);
      } catch (error) {
        close(error as Error);
      }
    });
    socket.on("error", close);
    socket.on("close", () => close());
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    socket.write(headOf(url, headers));
  });

function open(url: URL, inside: boolean, most: number, onBytes: (bytes: Uint8Array) => void): Socket {
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const buffer = new Uint8Array(most);
  const callback = (count: number, into: Uint8Array): boolean => {
    onBytes(into.subarray(0, count));
    return true;
  };
  const options = {
    host,
    port: Number(url.port || (secure ? 443 : 80)),
    onread: { buffer, callback },
    ...(!inside && { lookup: publicLookup }),
  };
  const name = isIP(host) ? {} : { servername: host };
  const socket = secure ? connectTls({ ...options, ...name, ALPNProtocols: ["http/1.1"] } as object) : connectPlain(options);
  // For a runtime that does not know `onread`; where it does, nothing comes here, but without it nothing would flow.
  return socket.on("data", onBytes);
}

function headOf(url: URL, headers: Record<string, string>): string {
  const all = { host: url.host, connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  if (lines.some((line) => /[\r\n\0]/.test(line))) throw new Error("a header of the request has more than one line");
  return `${[`GET ${url.pathname}${url.search} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`;
}

/** Bytes that have come and were not read yet. Two buffers take turns: one is filled while the other is read. */
function inbox(size: number) {
  let [filling, spare] = [new Uint8Array(size), new Uint8Array(size)];
  let count = 0;
  let ended: { error: Error | undefined } | undefined;
  let wake = (): void => {};

  return {
    /** Answers with how many wait now. */
    put(bytes: Uint8Array): number {
      if (count + bytes.length > filling.length) {
        const larger = new Uint8Array(2 * (count + bytes.length));
        larger.set(filling.subarray(0, count));
        filling = larger;
      }
      filling.set(bytes, count);
      count += bytes.length;
      wake();
      return count;
    },
    end(error?: Error): void {
      ended ??= { error };
      wake();
    },
    async take(): Promise<Uint8Array | undefined> {
      while (count === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
      if (count === 0 && ended?.error) throw ended.error;
      if (count === 0) return undefined;
      const taken = filling.subarray(0, count);
      [filling, spare, count] = [spare, filling, 0];
      return taken;
    },
  };
}
