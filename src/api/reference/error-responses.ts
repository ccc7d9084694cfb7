// The refusals of an operation: its own, and those that every request can meet.
import type { Operation } from "./operation.ts";

/** By the guards in front of every operation, and what no handler foresees. */
const ALWAYS = ["403 host_not_allowed", "403 origin_not_allowed", "500 server_error"];
const OF_KEYS = ["401 invalid_api_key"];
const OF_BODIES = [
  ...["400 invalid_encoding", "400 invalid_json", "400 invalid_type", "400 invalid_value", "400 missing_required_parameter"],
  ...[
    "400 too_deep",
    "400 too_many_items",
    "400 too_many_properties",
    "408 request_timeout",
    "413 request_too_large",
    "415 unsupported_media_type",
  ],
];

const DESCRIPTIONS: Record<string, string> = {
  400: "The request is wrong",
  401: "The API key is missing or wrong",
  403: "The request may not come from there",
  404: "It is not here",
  408: "The body came too slowly",
  409: "It is in a state that forbids that",
  413: "The body is too large",
  415: "The body is no JSON",
  429: "There are too many",
  500: "The server, or what it runs, is at fault",
  502: "What it asked of others failed",
  503: "Not at the moment",
  504: "It took too long",
  507: "The disk is full",
};

/** By status; the codes stand in the description. */
export function errorResponses({ errors, body, is_open }: Operation): Record<string, object> {
  const all = [...ALWAYS, ...(is_open ? [] : OF_KEYS), ...(body ? OF_BODIES : []), ...errors];
  const byStatus = Object.groupBy([...new Set(all)], (error) => error.split(" ")[0]!);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, same]) => [
      status,
      errorResponse(status, same!.map((error) => error.split(" ")[1]!).toSorted()),
    ]),
  );
}

function errorResponse(status: string, codes: string[]): object {
  const type = Number(status) >= 500 ? "server_error" : "invalid_request_error";
  const example = { error: { message: "What is wrong, and what to do.", type, param: null, code: codes[0] } };
  return {
    description: `${DESCRIPTIONS[status]}: ${codes.map((code) => `\`${code}\``).join(", ")}.`,
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" }, example } },
  };
}
