// Which hosts are dialled without a proxy: those of NO_PROXY, in every form that people write, and this machine.
import ipaddr from "ipaddr.js";
import { isInRange } from "./ip-range.ts";

/** Whether the host is of this machine, as far as that is seen without resolving its name. */
export function isThisMachine(host: string): boolean {
  if (/(^|\.)localhost$/i.test(host)) return true;
  return ipaddr.isValid(host) && ["loopback", "unspecified"].includes(ipaddr.process(host).range());
}

/** The entries of NO_PROXY, with commas or spaces between them. */
export function splitNoProxy(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
}

/** `host` without brackets and without a dot at its end. */
export function matchesNoProxy(entry: string, host: string, port: number): boolean {
  if (entry === "*" || isInRange(host, entry)) return true;
  const [, bracketed, named, entry_port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? [];
  const name = bracketed ?? named;
  if (name === undefined || (entry_port !== undefined && Number(entry_port) !== port)) return false;
  if (isInRange(host, name)) return true;
  // A name stands for its subdomains too, with a dot or a star in front or without, as curl has it.
  const domain = name.replace(/^\*?\./, "").replace(/\.$/, "");
  return domain !== "" && (host === domain || host.endsWith(`.${domain}`));
}
