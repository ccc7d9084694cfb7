// The bytes that a server sent on one connection, cut into its answers.

export interface RawAnswer {
  status: number;
  /** By their names in lower case; the values of a repeated one are joined by a comma. */
  headers: Map<string, string>;
  body: string;
}

export interface RawAnswers {
  answers: RawAnswer[];
  /** What is left: part of an answer, or no answer at all. */
  rest: string;
}

/** `over`: no more will come. `to_head`: the first final answer is one to HEAD, which has no body whatever its headers say. */
export function readAnswers(text: string, over: boolean, to_head: boolean): RawAnswers {
  const answers: RawAnswer[] = [];
  let rest = text;
  let bodiless = to_head;
  for (;;) {
    const found = readAnswer(rest, over, bodiless);
    if (found === undefined) return { answers, rest };
    answers.push(found.answer);
    rest = found.rest;
    if (found.answer.status >= 200) bodiless = false;
  }
}

function readAnswer(text: string, over: boolean, bodiless: boolean): { answer: RawAnswer; rest: string } | undefined {
  const head = /^HTTP\/1\.1 (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(text);
  if (head === null) return undefined;
  const status = Number(head[1]);
  const headers = readHeaders(head[2]!);
  const behind = text.slice(head[0].length);
  const found = bodiless || status < 200 || status === 204 || status === 304 ? 0 : readBody(behind, headers, over);
  if (found === undefined) return undefined;
  const [body, rest] = typeof found === "number" ? [behind.slice(0, found), behind.slice(found)] : found;
  return { answer: { status, headers, body }, rest };
}

function readHeaders(lines: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [, name, value] of lines.matchAll(/^([^:\r\n]+): *([^\r\n]*)\r$/gm)) {
    const key = name!.toLowerCase();
    headers.set(key, headers.has(key) ? `${headers.get(key)}, ${value}` : value!);
  }
  return headers;
}

/** The body and what is behind it, or the length of a body that stands as it is; undefined while part of it is missing. */
function readBody(text: string, headers: Map<string, string>, over: boolean): [string, string] | number | undefined {
  if (headers.get("transfer-encoding") === "chunked") return readChunks(text);
  const length = headers.get("content-length");
  if (length === undefined) return over ? text.length : undefined;
  return text.length < Number(length) ? undefined : Number(length);
}

function readChunks(text: string): [string, string] | undefined {
  let body = "";
  let rest = text;
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(rest);
    if (size === null) return undefined;
    const length = parseInt(size[1]!, 16);
    const end = size[0].length + length;
    if (rest.slice(end, end + 2) !== "\r\n") return undefined;
    body += rest.slice(size[0].length, end);
    rest = rest.slice(end + 2);
    if (length === 0) return [body, rest];
  }
}
