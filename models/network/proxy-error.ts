interface ProxyErrorOptions extends ErrorOptions {
  lasting?: boolean;
  retry_ms?: number;
}

/** Why a proxy did not lead to an address, as a sentence. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
  /** No other try helps. */
  readonly lasting: boolean;
  /** Milliseconds after which another try may help, at least; undefined where it is `lasting`. */
  readonly retry_ms: number | undefined;
  /** What clients are told: the message names the proxy, which is the owner's matter. */
  readonly public_message: string;

  constructor(message: string, options: ProxyErrorOptions & { public_message?: string } = {}) {
    const { lasting = false, retry_ms = 0, public_message = "The proxy of this server cannot be used.", ...more } = options;
    super(message, more);
    this.lasting = lasting;
    this.retry_ms = lasting ? undefined : retry_ms;
    this.public_message = public_message;
  }
}

/** `what` the proxy did, with the verb in front and no dot at the end; `remedy` is a sentence. */
export function proxyFailure(label: string, what: string, options: ProxyErrorOptions & { remedy?: string } = {}): ProxyError {
  const { remedy, ...more } = options;
  const sentence = (proxy: string): string => [`The proxy ${proxy}${what}.`, remedy].filter(Boolean).join(" ");
  return new ProxyError(sentence(`${label} `), { ...more, public_message: sentence("") });
}
