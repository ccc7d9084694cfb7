// Deno's `node:net` stops accepting for good, and says nothing, once a connection comes while no descriptor is left (seen with 2.9.6).
import { closeSync, openSync } from "node:fs";
import { connect, type AddressInfo, type Server } from "node:net";
import { isShortage } from "./descriptors.ts";

const EVERY_MS = 1_000;
const SOON_MS = 10;
/** The time an own connection may wait to be accepted, after a shortage; there are two trials, as the first may fall into a busy moment. */
const TRIAL_MS = 1_000;

/**
 * Has `server` look for connections again every second, which costs a listener in order nothing. After a shortage of descriptors, of which
 * `isShort` tells, it is tried by connections of our own: `onDeaf` is called where nobody accepts those. Answers what ends the watch.
 */
export function keepAccepting(server: Server, onDeaf: (error: Error) => void, isShort = hasNoDescriptor): () => void {
  let was_short = false;
  let stopped = false;
  const look = async (): Promise<void> => {
    askAgain(server);
    const before = was_short;
    was_short = isShort();
    if (!before || was_short || (await isAccepting(server)) || (await isAccepting(server)) || stopped) return;
    onDeaf(new Error("Deno no longer accepts connections, after a shortage of descriptors."));
  };
  const timer = setInterval(look, EVERY_MS);
  timer.unref();
  // A crowd that has used up the descriptors makes room for the next of it within a moment, as the longest idle connections are closed.
  let soon: ReturnType<typeof setTimeout> | undefined;
  server.on("connection", () => {
    soon ??= setTimeout(() => {
      soon = undefined;
      askAgain(server);
    }, SOON_MS);
  });
  return () => {
    stopped = true;
    clearInterval(timer);
    clearTimeout(soon);
  };
}

/** Asks the listener's handle, which Deno has as Node has it, to listen as it does already: it looks for connections then. */
function askAgain(server: Server): void {
  const { _handle: handle } = server as { _handle?: { listen?(backlog: number): number } | null };
  handle?.listen?.(511);
}

function hasNoDescriptor(): boolean {
  try {
    closeSync(openSync("/dev/null", "r"));
    return false;
  } catch (error) {
    return isShortage(error);
  }
}

/** True also where another shortage keeps the trial from being made: the end of that one is another occasion. */
function isAccepting(server: Server): Promise<boolean> {
  const { port, address } = server.address() as AddressInfo;
  const host = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
  return new Promise((resolve) => {
    const accepted = () => end(true);
    const client = connect({ host, port });
    const timer = setTimeout(() => end(false), TRIAL_MS);
    const end = (heard: boolean): void => {
      clearTimeout(timer);
      server.off("connection", accepted);
      client.destroy();
      resolve(heard);
    };
    server.once("connection", accepted);
    client.on("error", (error) => end(isShortage(error)));
  });
}
