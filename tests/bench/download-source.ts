// What the benchmark downloads: a GGUF file of as many bytes as its argument says, made up as it is sent, with Range and, but for
// `/untagged.gguf`, ETag.
// Its first line of output is its address, the second the sha256 of the file.
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tinyGguf } from "../support/tiny-gguf.ts";

const SIZE = Number(process.argv[2]);
const ETAG = '"benchmark"';
const head = tinyGguf();
const block = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 7919) % 251);

/** The bytes from a position to the end of the head, or of a block. */
function piece(at: number, end: number): Uint8Array {
  if (at < head.length) return head.subarray(at, Math.min(head.length, end));
  const from = (at - head.length) % block.length;
  return block.subarray(from, Math.min(block.length, from + end - at));
}

function send(response: ServerResponse, at: number, end: number): void {
  while (at < end && !response.destroyed) {
    const chunk = piece(at, end);
    at += chunk.length;
    if (!response.write(chunk)) return void response.once("drain", () => send(response, at, end));
  }
  response.end();
}

const server = createServer((request, response) => {
  const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const [at, end] = [Number(from), to === "" ? SIZE : Number(to) + 1];
  const range = request.headers.range && { "content-range": `bytes ${at}-${end - 1}/${SIZE}` };
  const tag = request.url === "/untagged.gguf" ? {} : { etag: ETAG };
  response.writeHead(range ? 206 : 200, { ...tag, "content-length": end - at, ...range });
  send(response, at, end);
});

const hash = createHash("sha256");
for (let at = 0; at < SIZE;) {
  const chunk = piece(at, SIZE);
  hash.update(chunk);
  at += chunk.length;
}
server.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`);
  console.log(hash.digest("hex"));
});
