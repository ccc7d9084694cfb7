// GET /openapi.json, and /docs: the reference, as OpenAPI and as a page.
import { gunzipSync } from "node:zlib";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { json } from "../../http/json.ts";
import { VIEWER_PATH } from "../../http/open-pages.ts";
import { answerPage } from "../../ui/page.ts";
import { VIEWER_VERSION } from "../../ui/viewer-version.ts";

const HEAD = `<script type="module" src="${VIEWER_PATH}?${VIEWER_VERSION}"></script>
<style>
body { margin: 0; }
openapi-explorer { height: 100vh; font-family: system-ui, sans-serif; }
</style>
`;
const BODY = `<openapi-explorer spec-url="/openapi.json" show-authentication="true" show-server-selection="false">
<noscript>This page needs JavaScript. <a href="/openapi.json">The reference as OpenAPI</a> does not.</noscript>
</openapi-explorer>
`;

export const referenceHandlers = ({ version }: Deps) =>
  ({
    async getReference(c) {
      const { referenceDocument } = await import("../reference/document.ts");
      return json(c, referenceDocument(version));
    },
    getReferencePage(c) {
      return answerPage(c, "ingle: the API", BODY, HEAD);
    },
    async getViewer(c) {
      const { VIEWER } = await import("../../ui/openapi-explorer.ts");
      const packed = Buffer.from(VIEWER, "base64");
      const takesGzip = /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
      c.set("vary", "Accept-Encoding");
      return c.body(takesGzip ? packed : gunzipSync(packed), 200, {
        "content-type": "text/javascript; charset=utf-8",
        // The page asks for each version by another address.
        "cache-control": "public, max-age=31536000, immutable",
        ...(takesGzip && { "content-encoding": "gzip" }),
      });
    },
  }) satisfies Handlers;
