// The proxies of the environment: those of this command, which may not be those of a server.
import { readProxies } from "../../../models/network/proxies.ts";
import { findingsAbout, type Finding } from "./finding.ts";

const PURPOSES = { "https:": "for https", "http:": "for plain http" } as const;

export function checkProxies(env: Record<string, string | undefined>): Finding[] {
  const { good, missing } = findingsAbout("proxy");
  const proxies = readProxies(env);
  if (proxies === undefined) return [good("none: downloads and other servers are asked directly")];
  const but = proxies.none.length > 0 ? `, but not for ${proxies.none.join(", ")}` : "";
  return (["https:", "http:"] as const).flatMap((scheme) => {
    const proxy = proxies[scheme];
    if (proxy === undefined) return [];
    return "problem" in proxy ? missing(proxy.problem) : good(`${PURPOSES[scheme]}: ${proxy.label}${but}`);
  });
}
