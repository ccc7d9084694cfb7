// Methods: those of ours, those of others, and HEAD, whose answer has the headers of GET and no body.
import { get, head, LOCAL, rawCase } from "./case.ts";
import { except } from "./differences.ts";

const to = (method: string, path: string, ...headers: string[]) => head(`${method} ${path} HTTP/1.1`, LOCAL, ...headers);
const HEALTH = "GET,HEAD,OPTIONS";
const allow = { shows: ["allow"] };

export const METHODS = [
  rawCase("HEAD of health", to("HEAD", "/health"), "200, open"),
  rawCase("HEAD of metrics", to("HEAD", "/metrics"), "200, open"),
  rawCase("HEAD of a list", to("HEAD", "/v1/threads"), "200, open"),
  rawCase("HEAD of models", to("HEAD", "/v1/models"), "200, open"),
  rawCase("HEAD of loaded models", to("HEAD", "/v1/ps"), "200, open"),
  rawCase("HEAD of one record", to("HEAD", "/v1/assistants/jan"), "200, open"),
  rawCase("HEAD of a model", to("HEAD", "/v1/models/echo"), "200, open"),
  rawCase("HEAD of a record that is not there", to("HEAD", "/v1/threads/nope"), "404, open"),
  rawCase("HEAD of the events of a download", to("HEAD", "/v1/models/download/a/events"), "200, open", {
    shows: ["content-length"],
  }),
  rawCase("HEAD of a download", to("HEAD", "/v1/models/download/a"), "409, open"),
  rawCase("HEAD of an unknown path", to("HEAD", "/nope"), "404, open"),
  rawCase("HEAD of a path that only POST has", to("HEAD", "/v1/chat/completions"), "405, open"),
  rawCase("HEAD of another Host", head("HEAD /health HTTP/1.1", "Host: evil.com"), "403, open"),
  rawCase("HEAD with a body", `${to("HEAD", "/health", "Content-Length: 2")}{}`, "200, open"),
  rawCase("HEAD and GET at once", to("HEAD", "/health") + get("/health"), "200, 200, open"),
  rawCase("OPTIONS of a path", to("OPTIONS", "/health"), `204 allow=${HEALTH}, open`, allow),
  rawCase("OPTIONS of an unknown path", to("OPTIONS", "/nope"), "404 unknown_url, open"),
  rawCase("OPTIONS of one asterisk", to("OPTIONS", "*"), "400, closed"),
  rawCase(
    "OPTIONS with a body",
    `${to("OPTIONS", "/health", "Content-Type: application/json", "Content-Length: 2")}{}`,
    "204, open",
  ),
  ...["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "QUERY", "SEARCH", "PURGE", "MKCOL", "REPORT", "LINK", "SOURCE"].map(
    (method) => rawCase(`${method} of health`, to(method, "/health"), `405 method_not_allowed allow=${HEALTH}, open`, allow),
  ),
  rawCase("TRACE with a secret", to("TRACE", "/health", "Authorization: Bearer abc"), "405 method_not_allowed, open"),
  rawCase("CONNECT of a path", to("CONNECT", "/health"), "405, closed"),
  rawCase("CONNECT of a host", to("CONNECT", "evil.com:443"), "405, closed"),
  rawCase("an unknown method", to("FOO", "/health"), "400, closed", except("methods", { bun: "closed" })),
  rawCase("an unknown method of an unknown path", to("FOO", "/nope"), "400, closed", except("methods", { bun: "closed" })),
  rawCase("a method in lower case", to("get", "/health"), "400, closed", except("methods", { bun: "closed" })),
  rawCase("a method in mixed case", to("Get", "/health"), "400, closed", except("methods", { bun: "closed" })),
  rawCase("a method of 10,000 letters", to("G".repeat(10_000), "/health"), "400, closed", except("methods", { bun: "closed" })),
  rawCase("a method with a sign", to("GE@T", "/health"), "400, closed"),
  rawCase("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400, closed"),
];
