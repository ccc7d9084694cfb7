// Pages for browsers.
import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { respond } from "../http/json.ts";

/** Scripts are files of ours, and nothing else is fetched, sent or framed. The viewer of the reference writes its styles into the page. */
const POLICY = [
  ...[
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "connect-src 'self'",
    "img-src 'self' data:",
  ],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join("; ");

/** `head` and `body` are HTML. */
export function answerPage(c: Context<AppEnv>, title: string, body: string, head = ""): Response {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
${head}</head>
<body>
${body}</body>
</html>
`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
  };
  return respond(c, html, { headers });
}
