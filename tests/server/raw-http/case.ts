// One case of raw HTTP: the bytes that a client sends, what the server answers, and what becomes of the connection.
import type { RuntimeName } from "../../../src/launch/runtimes.mjs";
import type { Exceptions } from "./differences.ts";

export interface RawCase {
  title: string;
  /** Bytes, as characters below 256. Each further piece is sent when something has come in answer to the one before. */
  send: string[];
  /**
   * The status of each answer, its error code where its body is ingle's own, and the headers that `shows` names; then whether the
   * connection is `open` for a further request, or `closed`: `200, 405 method_not_allowed allow=GET,HEAD, open`.
   */
  expect: string;
  shows: string[];
  /** The client closes its side behind it. */
  ends: boolean;
  except?: Exceptions;
}

const CRLF = "\r\n";
export const LOCAL = "Host: localhost";
export const JSON_TYPE = "Content-Type: application/json";
export const CHUNKED = "Transfer-Encoding: chunked";
export const LAST_CHUNK = `0${CRLF}${CRLF}`;

type Options = Partial<Pick<RawCase, "shows" | "ends" | "except">>;

export function rawCase(title: string, send: string | string[], expect: string, options: Options = {}): RawCase {
  return { title, send: [send].flat(), expect, shows: [], ends: false, ...options };
}

export function expectedOn(runtime: RuntimeName, { expect, except }: RawCase): string {
  return except?.outcomes[runtime] ?? expect;
}

/** A request's head. */
export function head(line: string, ...headers: string[]): string {
  return [line, ...headers, "", ""].join(CRLF);
}

export function get(path: string, ...headers: string[]): string {
  return head(`GET ${path} HTTP/1.1`, LOCAL, ...headers);
}

/** With a body of JSON, and its length. */
export function post(path: string, body: string, ...headers: string[]): string {
  return head(`POST ${path} HTTP/1.1`, LOCAL, JSON_TYPE, `Content-Length: ${Buffer.byteLength(body)}`, ...headers) + body;
}

/** The head of a chunked POST, and `body` as it is. */
export function chunked(path: string, body: string): string {
  return head(`POST ${path} HTTP/1.1`, LOCAL, JSON_TYPE, CHUNKED) + body;
}

export function chunk(text: string, extension = ""): string {
  return `${text.length.toString(16)}${extension}${CRLF}${text}${CRLF}`;
}
