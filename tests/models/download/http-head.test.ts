// The head of an answer, in whatever pieces it comes.
import { expect, test } from "bun:test";
import { createHeadReader } from "../../../models/download/http-head.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Gives the text in pieces of so many bytes. */
function read(text: string, size = text.length) {
  const take = createHeadReader();
  const all = bytes(text);
  for (let at = 0; at < all.length; at += size) {
    const found = take(all.subarray(at, at + size));
    if (!found) continue;
    const headers = Object.fromEntries(found.head.headers);
    return { status: found.head.status, headers, body: new TextDecoder().decode(found.rest) + text.slice(at + size) };
  }
  return undefined;
}

const ANSWER = 'HTTP/1.1 206 Partial Content\r\nETag:  "a:b" \r\nContent-Length: 4\r\nX-Empty:\r\n\r\nbody';
test.each([1, 2, 3, 7, 1000])("a head that comes in pieces of %d bytes is the same", (size) => {
  const headers = { etag: '"a:b"', "content-length": "4", "x-empty": "" };
  expect(read(ANSWER, size)).toEqual({ status: 206, headers, body: "body" });
});

test("a head without its end is none yet", () => {
  expect(read("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n")).toBeUndefined();
});

test("what is said before the answer is passed over", () => {
  const early = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
  for (const size of [1, 50, 1000]) expect(read(early + early + ANSWER, size)?.status).toBe(206);
});

test.each([
  ["two lengths that differ", "content-length: 4\r\ncontent-length: 5"],
  ["a length that is not a number", "content-length: 0x4"],
  ["a negative length", "content-length: -4"],
  ["a length behind chunks", "content-length: 4\r\ntransfer-encoding: chunked"],
])("%s: it has no length", (_, lines) => {
  expect(read(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`)?.headers).not.toHaveProperty("content-length");
});

test.each([
  ["another protocol", "SSH-2.0-OpenSSH_9.6\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a header without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"],
  ["a header that goes on in the next line", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n"],
  ["a header with a space in its name", "HTTP/1.1 200 OK\r\na : b\r\n\r\n"],
  ["headers without end", `HTTP/1.1 200 OK\r\na: ${"x".repeat(100_000)}`],
])("%s is no answer", (_, text) => {
  expect(() => read(text)).toThrow("its answer");
});
