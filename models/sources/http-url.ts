import { notAllowedError } from "../download-errors.ts";

/** Throws `SourceError` `url_not_allowed` for an address that is not http(s). */
export function parseHttpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || url?.protocol === "http:") return url;
  throw notAllowedError(`"${text}" is not an http address.`);
}
