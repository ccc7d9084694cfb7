// Every way in which the program asks a server of this machine, on whatever runtime it is started with: `ORIGIN`. Prints what came back.
import { createClient } from "../../adapters/llama-server/http-client.ts";
import { sendRequest } from "../../adapters/upstream/http-request.ts";
import { requestDirectly } from "../../src/support/direct-request.ts";

const [origin = ""] = process.argv.slice(2);
const { signal } = new AbortController();
const timeouts = { connect_ms: 5_000, first_ms: 5_000, amid_ms: 5_000 };

const direct = await (await requestDirectly(new Request(`${origin}/direct`))).json();
const engine = await createClient(origin, "key").getJson("/engine", signal);
const { status, close } = await sendRequest({ url: `${origin}/upstream`, timeouts, signal });
close();
console.log(JSON.stringify({ direct, engine, upstream: status }));
process.exit();
