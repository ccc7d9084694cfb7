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
 * Throws `Error` at what is not a response.
 */
export function createHeadReader(): (bytes: Uint8Array) => { head: ResponseHead; rest: Uint8Array } | undefined {
  const decoder = new TextDecoder("latin1"); // one character for each byte
  let text = "";
  return (bytes) => {
    text += decoder.decode(bytes);
    for (;;) {
      const end = text.indexOf("\r\n\r\n");
      if (end === -1 && text.length > LARGEST) throw new Error("its answer has no end of its headers");
      if (end === -1) return undefined;
      const head = parseResponseHead(text.slice(0, end));
      text = text.slice(end + 4);
      // Interim responses, such as 103 Early Hints, are passed over (RFC 9110 §15.2).
      if (head.status >= 200) return { head, rest: bytes.subarray(bytes.length - text.length) };
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
  // `Headers` joins two lengths that differ to a text that is not a number, and so to no length.
  const chunked = headers.has("transfer-encoding");
  if (chunked || !/^\d{1,15}$/.test(headers.get("content-length") ?? "")) headers.delete("content-length");
  return { status: Number(status), headers };
}
