// GET /, a page or a list of the endpoints, and GET /v1, the list.
import type { Context } from "hono";
import { parseAccept } from "hono/utils/accept";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { json } from "../../http/json.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { answerPage } from "../../ui/page.ts";

const STYLE = `<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 12vh auto; padding: 0 1rem; }
code { font-size: 0.95em; }
</style>
`;

export const entryHandlers = ({ version }: Deps) => {
  const listEndpoints = async (c: Context<AppEnv>) => {
    const { OPERATIONS } = await import("../reference/operations.ts");
    const ofClients = OPERATIONS.filter(({ tag }) => tag !== "Owner");
    const byPath = Map.groupBy(ofClients, ({ path }) => path);
    const data = [...byPath].map(([path, same]) => ({
      path,
      methods: same.map(({ method }) => method.toUpperCase()),
      summary: [...new Set(same.map(({ summary }) => summary))].join("; "),
    }));
    const places = { base_url: "/v1", documentation: "/docs", openapi: "/openapi.json" };
    return json(c, { object: "list", name: "ingle", version, ...places, data });
  };
  return {
    getEntry(c) {
      c.set("vary", "Accept");
      return namesHtml(c) ? answerEntryPage(c, version) : listEndpoints(c);
    },
    listEndpoints,
  } satisfies Handlers;
};

/** Browsers name it; other clients take anything. */
function namesHtml(c: Context<AppEnv>): boolean {
  const accepted = parseAccept(c.req.header("accept") ?? "");
  return accepted.some(({ type, q }) => type.toLowerCase() === "text/html" && q > 0);
}

function answerEntryPage(c: Context<AppEnv>, version: string): Response {
  const body = `<h1>ingle</h1>
<p>A local AI server, version ${version}. Clients of OpenAI's API use the base URL <code>/v1</code> here.</p>
<ul>
<li><a href="/docs">The API</a>, to read and to try, and <a href="/openapi.json">as OpenAPI</a></li>
<li><a href="/health">Whether it works</a></li>
</ul>
`;
  return answerPage(c, "ingle", body, STYLE);
}
