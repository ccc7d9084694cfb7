// TLS in front of a plain server of a test: what comes in is decrypted and handed on.
import { connect, type AddressInfo } from "node:net";
import { createServer } from "node:tls";
import type { Certificate } from "./certificate.ts";

export interface TlsDoor {
  port: number;
  close(): void;
}

/** `inside`: the port of the server. Where no certificate can be made, no client gets through. */
export async function startTlsDoor(inside: number, certificate: Certificate | undefined): Promise<TlsDoor> {
  const door = createServer(certificate ?? {}, (socket) => {
    const handed_on = connect(inside, "127.0.0.1");
    socket
      .on("error", () => handed_on.destroy())
      .pipe(handed_on.on("error", () => socket.destroy()))
      .pipe(socket);
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  return { port: (door.address() as AddressInfo).port, close: () => void door.close() };
}
