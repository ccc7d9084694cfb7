// Agents of connections that are never kept, and never go through a proxy: on Deno every agent but those that are told of no environment
// takes the one of `http_proxy`, for addresses of this machine too (tests/adapters/direct-connections.test.ts).
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";

export const httpAgent = new HttpAgent({ proxyEnv: {} });
export const httpsAgent = new HttpsAgent({ proxyEnv: {} });
