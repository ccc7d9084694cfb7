// A proxy that speaks CONNECT and the absolute form, resolves every name to a port of this machine, and can misbehave.
import { createServer, request as requestHttp } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { createServer as createSecureServer } from "node:https";

export type ProxyFault = "hang" | "reset" | "garbage" | "end" | number;

export interface TestProxy {
  port: number;
  /** `CONNECT host:port` and `GET http://…`, in order, each with the credentials that came. */
  asked: { line: string; credentials: string | undefined }[];
  /** What happens to the next requests, so many of them or all. `header`: a line of the answers. */
  fail(fault: ProxyFault | undefined, times?: number, header?: string): void;
  close(): void;
}

export interface ProxyOptions {
  /** Where everything leads that is asked for. */
  to: { "http:"?: number; "https:"?: number };
  /** `user:password`, without which it answers 407. */
  wants?: string;
  tls?: { key: string; cert: string };
}

export async function startProxy({ to, wants, tls }: ProxyOptions): Promise<TestProxy> {
  const asked: TestProxy["asked"] = [];
  const sockets = new Set<Socket>();
  let failing: { fault: ProxyFault; times: number; header: string | undefined } | undefined;
  /** The status that refuses, or what else happens; undefined where the request goes through. */
  const note = (line: string, header: string | undefined): ProxyFault | undefined => {
    const credentials = header && Buffer.from(header.replace(/^Basic /, ""), "base64").toString();
    asked.push({ line, credentials });
    if (failing && failing.times-- > 0) return failing.fault;
    return wants !== undefined && credentials !== wants ? 407 : undefined;
  };
  const server = tls ? createSecureServer(tls) : createServer();
  server.on("connection", (socket: Socket) => void sockets.add(socket.on("error", () => {})));
  server.on("request", (request, response) => {
    const fault = note(`${request.method} ${request.url}`, request.headers["proxy-authorization"]);
    if (fault !== undefined) return misbehave(request.socket, fault, failing?.header);
    const { pathname, search } = new URL(request.url!);
    const { "proxy-authorization": _, ...headers } = request.headers;
    const options = { host: "127.0.0.1", port: to["http:"], method: request.method, path: pathname + search, headers };
    const onward = requestHttp(options, (answer) => {
      response.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.pipe(response);
    });
    response.on("close", () => onward.destroy());
    request.pipe(onward.on("error", () => response.destroy()));
  });
  server.on("connect", (request, socket: Socket) => {
    const fault = note(`CONNECT ${request.url}`, request.headers["proxy-authorization"]);
    socket.on("error", () => {});
    if (fault !== undefined) return misbehave(socket, fault, failing?.header);
    const onward = connect(to["https:"]!, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    fail: (fault, times = Infinity, header) => void (failing = fault === undefined ? undefined : { fault, times, header }),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function misbehave(socket: Socket, fault: ProxyFault, header?: string): void {
  if (fault === "hang") return;
  if (fault === "reset") return void socket.resetAndDestroy();
  if (fault === "end") return void socket.end();
  if (fault === "garbage") return void socket.end("SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n");
  socket.end(
    `HTTP/1.1 ${fault} Refused\r\n${header === undefined ? "" : `${header}\r\n`}content-length: 2\r\nconnection: close\r\n\r\nno`,
  );
}
