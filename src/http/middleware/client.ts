// Whose request it is, where clients share what there is.
import type { Asked, Marks } from "./check.ts";
import type { GuardOptions } from "./guards.ts";
import { digest, given } from "./auth.ts";
import type { Peers } from "../../support/peers.ts";

/**
 * Tells clients apart: by a digest of the API key that was sent, else by the remote address; the same for all where there is no
 * socket. What a proxy says of its clients does not count, for anybody could say it.
 */
export function clientOf(c: Asked, { socket }: Marks, { keys, wide }: Pick<GuardOptions, "keys" | "wide">): string {
  // A key that nobody checked tells programs of this machine apart. From elsewhere each request could bring a new one.
  const key = keys.length > 0 || !wide ? given(c) : "";
  if (key !== "") return digest(key).toString("base64");
  return isPeers(socket) ? (socket.addressOf(c.req.raw) ?? "") : "";
}

function isPeers(socket: unknown): socket is Peers {
  return typeof socket === "object" && socket !== null && "addressOf" in socket;
}
