// What the benchmark downloads through: `SOURCE_PORT FOLDER`. A proxy that leads every name to the source, over TLS for https. The first line
// of output is its address. The folder gets the certificate of `hub.example`.
import { connect, type AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { makeCertificate } from "../support/certificate.ts";
import { startProxy } from "../support/proxy.ts";

const [port = "", folder = ""] = process.argv.slice(2);
const door = createServer(makeCertificate(folder)!, (socket) => {
  const inside = connect(Number(port), "127.0.0.1");
  socket
    .on("error", () => inside.destroy())
    .pipe(inside.on("error", () => socket.destroy()))
    .pipe(socket);
});
await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
const proxy = await startProxy({ to: { "http:": Number(port), "https:": (door.address() as AddressInfo).port } });
console.log(`http://127.0.0.1:${proxy.port}`);
