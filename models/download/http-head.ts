// The head of a response of HTTP/1.1 (https://www.rfc-editor.org/rfc/rfc9112), read as strictly as a client may.

export interface ResponseHead {
  status: number;
  /** Without `content-length` where the body has another end than that. */
  headers: Headers;
}

const LARGEST = 65_536;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0]*?)[ \t]*$/;

/**
 * Takes the bytes of one response as they come: undefined until its head is whole, then the head with those bytes that are behind it.
 * Throws `Error` at what is no response.
 */
export function createHeadReader(): (bytes: Uint8Array) => { head: ResponseHead; rest: Uint8Array } | undefined {
  let seen: Uint8Array = new Uint8Array();
  return (bytes) => {
    seen = joined(seen, bytes);
    for (;;) {
      const end = endOf(seen);
      if (end === undefined && seen.length > LARGEST) throw new Error("its answer has no end of its headers");
      if (end === undefined) return undefined;
      const head = parseResponseHead(new TextDecoder("latin1").decode(seen.subarray(0, end)));
      seen = seen.subarray(end + 4);
      // Interim responses, such as 103 Early Hints, are passed over (RFC 9110 §15.2).
      if (head.status >= 200) return { head, rest: seen };
    }
  };
}

function parseResponseHead(text: string): ResponseHead {
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(first)?.[1];
  if (status === undefined) throw new Error("its answer is not HTTP");
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value = ""] = FIELD.exec(line) ?? [];
    if (name === undefined) throw new Error("its answer has a header that is none");
    headers.append(name, value);
  }
  // `Headers` joins two lengths that differ to a text that is no number, and so to no length.
  const chunked = headers.has("transfer-encoding");
  if (chunked || !/^\d{1,15}$/.test(headers.get("content-length") ?? "")) headers.delete("content-length");
  return { status: Number(status), headers };
}

function endOf(bytes: Uint8Array): number | undefined {
  for (let i = bytes.indexOf(13); i !== -1; i = bytes.indexOf(13, i + 1)) {
    if (bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i;
  }
  return undefined;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
