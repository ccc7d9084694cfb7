// Where the downloads of one file of tests go, and the servers that they come from. Both end with the file.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "bun:test";

/** `count`: of the request, from 1. */
export type CountedListener = (request: IncomingMessage, response: ServerResponse, count: number) => void;

export function downloadPlace(name: string) {
  const folder = mkdtempSync(join(tmpdir(), `ingle-${name}-`));
  const closers: (() => void)[] = [];
  const atEnd = (close: () => void): void => void closers.push(close);
  let targets = 0;
  afterAll(() => {
    for (const close of closers) close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    atEnd,
    /** Another path at each call. */
    nextTarget: (): string => join(folder, String(targets++), "tiny.gguf"),
    /** A server on the loopback; `asked`: the headers of its requests. */
    async serve(listener: CountedListener) {
      const asked: IncomingMessage["headers"][] = [];
      const server = createServer((request, response) => listener(request, response, asked.push(request.headers)));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      atEnd(() => (server.closeAllConnections(), server.close()));
      return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    },
  };
}
