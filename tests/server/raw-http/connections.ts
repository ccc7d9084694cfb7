// What follows on one connection: versions, several requests at once, answers that come before the body, and other protocols.
import { chunk, chunked, get, head, JSON_TYPE, LAST_CHUNK, LOCAL, post, rawCase } from "./case.ts";
import { except } from "./differences.ts";

const HEALTH = get("/health");
const THREADS = "/v1/threads";
const CHAT = "/v1/chat/completions";
const BODY = '{"title":"a"}';
const CHAT_BODY = '{"messages":[{"role":"user","content":"hi"}]}';
const STREAM_BODY = '{"stream":true,"messages":[{"role":"user","content":"hi"}]}';
const WHOLE = chunk(BODY) + LAST_CHUNK;
const expecting = (value: string, path = THREADS, ...headers: string[]) =>
  head(`POST ${path} HTTP/1.1`, LOCAL, JSON_TYPE, `Content-Length: ${BODY.length}`, `Expect: ${value}`, ...headers);
const upgrade = (to: string, ...headers: string[]) => get("/health", "Connection: Upgrade", `Upgrade: ${to}`, ...headers);

export const CONNECTIONS = [
  rawCase("HTTP/1.0", head("GET /health HTTP/1.0", LOCAL), "200, closed"),
  rawCase("HTTP/1.0 without Host", head("GET /health HTTP/1.0"), "403 host_not_allowed, closed"),
  rawCase(
    "HTTP/1.0 that is kept alive",
    head("GET /health HTTP/1.0", LOCAL, "Connection: keep-alive"),
    "200, open",
    except("old_keep_alive", { bun: "200, closed" }),
  ),
  rawCase(
    "HTTP/1.0, a stream",
    head(`POST ${CHAT} HTTP/1.0`, LOCAL, JSON_TYPE, `Content-Length: ${STREAM_BODY.length}`) + STREAM_BODY,
    "200, closed",
  ),
  rawCase("HTTP/1.2", head("GET /health HTTP/1.2", LOCAL), "400, closed", except("request_line", { bun: "505, closed" })),
  rawCase("no version", "GET /health\r\n\r\n", "505, closed"),
  rawCase("no version, headers behind a bare LF", "GET /health\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", "505, closed"),
  rawCase("HTTP/2.0", head("GET /health HTTP/2.0", LOCAL), "505, closed"),
  rawCase("HTTP/11.1", head("GET /health HTTP/11.1", LOCAL), "400, closed", except("request_line", { bun: "505, closed" })),
  rawCase(
    "http/1.1 in lower case",
    head("GET /health http/1.1", LOCAL),
    "400, closed",
    except("request_line", { bun: "505, closed" }),
  ),
  rawCase("another protocol", head("GET /health ICAP/1.0", LOCAL), "400, closed", except("request_line", { bun: "505, closed" })),
  rawCase("Connection: close", get("/health", "Connection: close"), "200, closed"),
  rawCase("Connection: close, and a request behind it", get("/health", "Connection: close") + HEALTH, "200, closed"),
  rawCase("Connection: Close, among others", get("/health", "Connection: x, Close"), "200, closed"),
  rawCase("Connection: keep-alive", get("/health", "Connection: keep-alive"), "200, open"),
  rawCase("Connection: close and keep-alive", get("/health", "Connection: close, keep-alive"), "200, closed"),
  rawCase(
    "Proxy-Connection: close",
    get("/health", "Proxy-Connection: close"),
    "200, closed",
    except("proxy_connection", { bun: "200, open" }),
  ),
  rawCase("Connection: close of a POST", post(THREADS, BODY, "Connection: close"), "200, closed"),
  rawCase("Connection: close of what is refused", get("/nope", "Connection: close"), "404 unknown_url, closed"),
  rawCase("a client that closes its side behind its request", HEALTH, "200, closed", { ends: true }),
  rawCase("GET and GET at once", HEALTH + HEALTH, "200, 200, open"),
  rawCase(
    "GET and GET of a record at once",
    get("/v1/assistants/jan").repeat(2),
    "200, 200, open",
    except("pipelining", { bun: "closed" }),
  ),
  rawCase("20 times GET at once", HEALTH.repeat(20), `${"200, ".repeat(20)}open`),
  rawCase("POST and GET at once", post(THREADS, BODY) + HEALTH, "200, 200, open", except("pipelining", { bun: "closed" })),
  rawCase(
    "POST and POST at once",
    post(THREADS, BODY) + post(THREADS, BODY),
    "200, 200, open",
    except("pipelining", { bun: "closed" }),
  ),
  rawCase(
    "POST, GET, POST and GET at once",
    (post(THREADS, BODY) + HEALTH).repeat(2),
    "200, 200, 200, 200, open",
    except("pipelining", { bun: "closed" }),
  ),
  rawCase("GET and POST at once", HEALTH + post(THREADS, BODY), "200, 200, open"),
  rawCase("a chat and GET at once", post(CHAT, CHAT_BODY) + HEALTH, "200, 200, open", except("pipelining", { bun: "closed" })),
  rawCase(
    "a stream and GET at once",
    post(CHAT, STREAM_BODY) + HEALTH,
    "200, 200, open",
    except("pipelining", { bun: "closed" }),
  ),
  rawCase(
    "a chunked POST and GET at once",
    chunked(THREADS, WHOLE) + HEALTH,
    "200, 200, open",
    except("pipelining", { bun: "closed" }),
  ),
  rawCase(
    "two chunked POST at once",
    chunked(THREADS, WHOLE).repeat(2),
    "200, 200, open",
    except("pipelining", { bun: "closed" }),
  ),
  rawCase(
    "a POST without a body and GET at once",
    head(`POST ${THREADS} HTTP/1.1`, LOCAL) + HEALTH,
    "200, 200, open",
    except("pipelining", { bun: "closed" }),
  ),
  rawCase("a POST with bad JSON and GET at once", post(THREADS, "{") + HEALTH, "400 invalid_json, 200, open"),
  rawCase("a POST of an unknown path and GET at once", post("/nope", BODY) + HEALTH, "404 unknown_url, 200, open"),
  rawCase("a POST of a path that has none and GET at once", post("/health", BODY) + HEALTH, "405 method_not_allowed, 200, open"),
  rawCase("a chunked POST of an unknown path and GET at once", chunked("/nope", WHOLE) + HEALTH, "404 unknown_url, 200, open"),
  rawCase(
    "a POST of text and GET at once",
    post(THREADS, BODY).replace("application/json", "text/plain") + HEALTH,
    "415 unsupported_media_type, 200, open",
  ),
  rawCase(
    "a POST of another Host and GET at once",
    post(THREADS, BODY).replace("localhost", "evil.com") + HEALTH,
    "403 host_not_allowed, 200, open",
  ),
  rawCase(
    "a POST of another Origin and GET at once",
    post(THREADS, BODY, "Origin: https://evil.com") + HEALTH,
    "403 origin_not_allowed, 200, open",
  ),
  rawCase("a refused POST whose body is a request", post("/nope", HEALTH), "404 unknown_url, open"),
  rawCase(
    "a POST with more than its length",
    post(THREADS, BODY) + "xx",
    "200, 400, closed",
    except("methods", { bun: "200, closed" }),
  ),
  rawCase(
    "a POST with an end of line behind it",
    `${post(THREADS, BODY)}\r\n`,
    "200, open",
    except("empty_lines", { bun: "400, closed" }),
  ),
  rawCase("GET and a broken request at once", `${HEALTH}nonsense\r\n\r\n`, "200, 400, closed"),
  rawCase(
    "GET, an end of line and GET at once",
    `${HEALTH}\r\n${HEALTH}`,
    "200, 200, open",
    except("empty_lines", { bun: "200, 400, closed" }),
  ),
  rawCase("GET and part of a GET, then the rest", [HEALTH + HEALTH.slice(0, 20), HEALTH.slice(20)], "200, 200, open"),
  rawCase(
    "a POST in two pieces with GET in front",
    [HEALTH + post(THREADS, BODY).slice(0, -5), BODY.slice(-5)],
    "200, 200, open",
  ),
  rawCase(
    "a POST that is refused before its body",
    [head("POST /nope HTTP/1.1", LOCAL, JSON_TYPE, "Content-Length: 13"), BODY],
    "404 unknown_url, open",
  ),
  rawCase("a chunked POST that is refused before its body", [chunked("/nope", ""), WHOLE], "404 unknown_url, open"),
  rawCase(
    "a POST of text that is refused before its body",
    [head(`POST ${THREADS} HTTP/1.1`, LOCAL, "Content-Type: text/plain", "Content-Length: 13"), BODY],
    "415 unsupported_media_type, open",
  ),
  rawCase(
    "a POST of another Host, refused before its body",
    [post(THREADS, BODY).slice(0, -BODY.length).replace("localhost", "evil.com"), BODY],
    "403 host_not_allowed, open",
  ),
  rawCase(
    "a POST of text, refused before a body of 900 KB",
    [head(`POST ${THREADS} HTTP/1.1`, LOCAL, "Content-Type: text/plain", "Content-Length: 900000"), "x".repeat(900_000)],
    "415 unsupported_media_type, open",
  ),
  rawCase(
    "a POST beyond the limit, refused before its body",
    [head(`POST ${THREADS} HTTP/1.1`, LOCAL, JSON_TYPE, "Content-Length: 2000000"), "x".repeat(2_000_000)],
    "413 request_too_large, closed",
  ),
  rawCase("a POST beyond the limit with its body", post(THREADS, "x".repeat(2_000_000)), "413 request_too_large, closed"),
  rawCase(
    "a chunked POST beyond the limit",
    chunked(THREADS, chunk("x".repeat(1_000_000)).repeat(2) + LAST_CHUNK),
    "413 request_too_large, closed",
  ),
  rawCase("Expect: 100-continue, then the body", [expecting("100-continue"), BODY], "100, 200, open"),
  rawCase("Expect: 100-continue with the body", expecting("100-continue") + BODY, "100, 200, open"),
  rawCase(
    "Expect: 100-Continue in mixed case",
    expecting("100-Continue") + BODY,
    "100, 200, open",
    except("expectations", { bun: "200, open" }),
  ),
  rawCase(
    "Expect: 100-continue of HTTP/1.0",
    expecting("100-continue").replace("HTTP/1.1", "HTTP/1.0") + BODY,
    "200, closed",
    except("old_expectations", { bun: "100, 200, closed" }),
  ),
  rawCase("Expect: 100-continue without a body", get("/health", "Expect: 100-continue"), "100, 200, open"),
  rawCase("Expect: 100-continue of an unknown path", [expecting("100-continue", "/nope"), BODY], "100, 404 unknown_url, open"),
  rawCase(
    "Expect: 100-continue of another Host",
    [expecting("100-continue").replace("localhost", "evil.com"), BODY],
    "100, 403 host_not_allowed, open",
  ),
  rawCase(
    "Expect: 100-continue beyond the limit",
    head(`POST ${THREADS} HTTP/1.1`, LOCAL, JSON_TYPE, "Content-Length: 2000000", "Expect: 100-continue"),
    "100, 413 request_too_large, closed",
  ),
  rawCase(
    "Expect: 100-continue, chunked",
    chunked(THREADS, WHOLE).replace("Host", "Expect: 100-continue\r\nHost"),
    "100, 200, open",
  ),
  rawCase("Expect: 100-continue twice", expecting("100-continue", THREADS, "Expect: 100-continue") + BODY, "100, 200, open"),
  rawCase(
    "Expect: 100-continue among others",
    expecting("100-continue, other") + BODY,
    "100, 200, open",
    except("expectations", { bun: "200, open" }),
  ),
  rawCase(
    "Expect: 100-continue, the body and GET at once",
    expecting("100-continue") + BODY + HEALTH,
    "100, 200, 200, open",
    except("pipelining", { bun: "100, closed" }),
  ),
  rawCase("Expect of something else", expecting("200-ok") + BODY, "200, open"),
  rawCase(
    "a chunked POST with another coding, and GET at once",
    chunked(THREADS, WHOLE).replace("chunked", "gzip, chunked") + HEALTH,
    "400, closed",
  ),
  rawCase("a POST of HTTP/2.0 and GET at once", post(THREADS, BODY).replace("HTTP/1.1", "HTTP/2.0") + HEALTH, "505, closed"),
  rawCase("GET and a chunk that is broken at once", HEALTH + chunked(THREADS, "zz\r\n"), "200, 400, closed"),
  rawCase(
    "Upgrade: h2c",
    upgrade("h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
    "200, closed",
    except("upgrades", { bun: "200, open" }),
  ),
  rawCase(
    "Upgrade: websocket",
    upgrade("websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    "200, closed",
    except("upgrades", { bun: "200, open" }),
  ),
  rawCase("Upgrade: TLS/1.0", upgrade("TLS/1.0"), "200, closed", except("upgrades", { bun: "200, open" })),
  rawCase(
    "Upgrade of a POST",
    post(THREADS, BODY, "Connection: Upgrade", "Upgrade: h2c"),
    "200, closed",
    except("upgrades", { bun: "200, open" }),
  ),
  rawCase("Upgrade and GET at once", upgrade("websocket") + HEALTH, "200, closed", except("upgrades", { bun: "200, 200, open" })),
  rawCase(
    "Upgrade of a POST whose body is a request",
    post("/nope", HEALTH, "Connection: Upgrade", "Upgrade: h2c"),
    "404 unknown_url, closed",
    except("upgrades", { bun: "404 unknown_url, open" }),
  ),
  rawCase(
    "Upgrade of a POST and GET in pieces",
    [post("/nope", BODY, "Connection: Upgrade", "Upgrade: h2c") + HEALTH.slice(0, 9), HEALTH.slice(9)],
    "404 unknown_url, closed",
    except("upgrades", { bun: "404 unknown_url, 200, open" }),
  ),
  rawCase(
    "Upgrade without Connection",
    get("/health", "Upgrade: websocket"),
    "200, closed",
    except("upgrades", { bun: "200, open" }),
  ),
];
