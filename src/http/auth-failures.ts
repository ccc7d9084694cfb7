// Counts requests with a missing or wrong key, and answers an address that sends many of them late. Requests with a right key never wait.
import { setTimeout as pause } from "node:timers/promises";
import type { Context } from "hono";
import ipaddr from "ipaddr.js";
import { LRUCache } from "lru-cache";
import type { AppEnv } from "./app-env.ts";
import { clientAddress } from "./client-address.ts";
import { createRegistry } from "../support/prometheus.ts";
import type { TrustedProxies } from "../support/trusted-proxies.ts";

const WINDOW_MS = 60_000;
/** A person mistypes once or twice. */
const FREE_FAILURES = 2;
const DELAY_STEP_MS = 100;
const LONGEST_DELAY_MS = 1_000;
const MOST_ADDRESSES = 10_000;

export interface AuthFailures {
  /** Resolves when the refusal may be sent. */
  refused(c: Context<AppEnv>): Promise<void>;
  /** In Prometheus' text format. */
  metrics(): string;
}

export function createAuthFailures(
  trusted_proxies?: TrustedProxies,
  wait: (ms: number) => Promise<unknown> = (ms) => pause(ms, undefined, { ref: false }),
): AuthFailures {
  // Made with the first failure: it takes room for all its addresses at once.
  let counts: LRUCache<string, { failures: number }> | undefined;
  const registry = createRegistry();
  const total = registry.counter("ingle_auth_failures_total", "Requests with a missing or wrong key.", []);
  total.add([], 0);
  return {
    async refused(c) {
      total.add([]);
      const address = clientAddress(c, trusted_proxies);
      // A program that calls `fetch` itself has no address, and no guess to make.
      if (address === undefined) return;
      const network = networkOf(address);
      counts ??= new LRUCache({ max: MOST_ADDRESSES, ttl: WINDOW_MS });
      const count = counts.get(network) ?? { failures: 0 };
      if (count.failures === 0) counts.set(network, count);
      const late = Math.min((++count.failures - FREE_FAILURES) * DELAY_STEP_MS, LONGEST_DELAY_MS);
      if (late > 0) await wait(late);
    },
    metrics: () => registry.text(),
  };
}

/** A client of IPv6 has 2^64 addresses. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === "ipv4" ? parsed.toString() : parsed.toByteArray().slice(0, 8).join(".");
}
