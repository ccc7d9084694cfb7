// The whole API over an engine that says a word every so many milliseconds to each of any number of clients. Prints its URL.
import { echo } from "../../../adapters/echo.ts";
import { serve } from "../../../src/server/listen.ts";
import { makeApp } from "../../support/app.ts";

const [token_ms = "50", slots = "1000"] = process.argv.slice(2);
const { app } = makeApp({ adapter: echo({ token_ms: Number(token_ms) }), pool: { slots: Number(slots) } });
const { url } = await serve(app.fetch, { host: "127.0.0.1", port: 0, max_connections: Number(slots) + 10 });
console.log(url);
