// Check 5: the content type. A web page can send a form or a text/plain body without a preflight, JSON only with one.
import type { Guard } from "../app-env.ts";
import { ApiError } from "../errors.ts";
import { isRefusedAnyway } from "../refused-anyway.ts";
import { quote } from "../../support/quote.ts";

/**
 * Lets through requests without a body, bodies of uncompressed `application/json` in UTF-8, and what no route takes (check 4). Throws 415
 * `unsupported_media_type`.
 */
export const contentTypeGuard: Guard = (c) => {
  const { method, headers } = c.req.raw;
  const refusal = method === "GET" || method === "HEAD" || !hasBody(headers) ? undefined : refusalOf(headers);
  if (refusal !== undefined && !isRefusedAnyway(c)) throw refusal;
  return undefined;
};

/** Read from the headers, since Node shows a body stream on every POST. A lone Content-Type announces a body too. */
function hasBody(headers: Headers): boolean {
  const length = headers.get("content-length");
  if (length !== null) return length !== "0";
  return headers.has("transfer-encoding") || headers.has("content-type");
}

function refusalOf(headers: Headers): ApiError | undefined {
  const type = headers.get("content-type") ?? "";
  if (!isJson(type)) return refuseType(`A body of type ${quote(type)} is not understood. Send "Content-Type: application/json".`);
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() === "identity") return undefined;
  return refuseType("A compressed body is not understood. Send it without Content-Encoding.");
}

function isJson(type: string): boolean {
  const [essence, ...parameters] = type
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  return essence === "application/json" && parameters.every(isUtf8);
}

/** Among the parameters `charset` alone can change what the bytes mean. */
function isUtf8(parameter: string): boolean {
  const [name, value = ""] = parameter.split("=");
  return name?.trim() !== "charset" || ["utf-8", "utf8"].includes(value.trim().replaceAll('"', ""));
}

function refuseType(message: string): ApiError {
  return new ApiError(415, message, { code: "unsupported_media_type" });
}
