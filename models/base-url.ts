// The base URL of a server with OpenAI's API, as a record keeps it: one spelling, and nothing in it that is not an address.

export class BaseUrlError extends Error {
  override readonly name = "BaseUrlError";
}

// Addresses copied from an example often end in an endpoint.
const ENDPOINT = /\/(chat\/completions|completions|models|responses)$/;

/**
 * `http://10.0.0.7:8000/` is `http://10.0.0.7:8000/v1`: an address without a path gets the one that all these servers have; any other
 * path stays. Throws `BaseUrlError`.
 */
export function normalizeBaseUrl(text: string): string {
  if (!URL.canParse(text)) throw baseUrlError(text, "is not an address. Write it as http://HOST:PORT/v1");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw baseUrlError(text, "must begin with http:// or https://");
  // The text is not quoted: it may hold a password.
  if (url.username !== "" || url.password !== "")
    throw new BaseUrlError("An address holds no user and no password. A key stands in an environment variable.");
  if (/[?#]/.test(url.href)) throw baseUrlError(text, "has a query or a fragment. Leave them out");
  const path = url.pathname.replace(/\/+$/, "");
  if (ENDPOINT.test(path)) throw baseUrlError(text, `must end before ${ENDPOINT.exec(path)![0]}, most often in /v1`);
  return `${url.origin}${path === "" ? "/v1" : path}`;
}

/** Whether a record may hold the address as it is written. */
export function isBaseUrl(text: string): boolean {
  try {
    return normalizeBaseUrl(text) === text;
  } catch {
    return false;
  }
}

function baseUrlError(text: string, fault: string): BaseUrlError {
  return new BaseUrlError(`${JSON.stringify(text.slice(0, 200))} ${fault}.`);
}
