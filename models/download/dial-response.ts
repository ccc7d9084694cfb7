/** The response to a GET. A reader that does not come to its end closes it. */
export interface DialResponse {
  status: number;
  headers: Headers;
  /** The next bytes, as many as have come; undefined at the end. The next call overwrites them. */
  read(): Promise<Uint8Array | undefined>;
  close(): void;
}

export interface DialOptions {
  headers: Record<string, string>;
  /** The address may lie inside this machine or its network. */
  inside: boolean;
  signal: AbortSignal;
}

/** One GET; follows no redirect. Throws what the connection throws, and `SourceError` `url_not_allowed` for a name that leads inside. */
export type Dial = (url: URL, options: DialOptions) => Promise<DialResponse>;
