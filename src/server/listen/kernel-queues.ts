// What the kernel holds of connections: it takes up to 4 MB of an answer at once, and passes on in small steps what a slow reader takes.
import { readFileSync } from "node:fs";

/**
 * For each connection to the local port `port`, by the port at its other end: a text that changes whenever that end takes something.
 * Empty where the system does not say.
 */
export function readKernelQueues(port: number): Map<number, string> {
  const queues = new Map<number, string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    // A column each: number, local address, other address, state, both queues in bytes. https://docs.kernel.org/networking/proc_net_tcp.html
    for (const [, from, to, queued] of readText(file).matchAll(/: \w+:(\w{4}) \w+:(\w{4}) \w\w (\S+)/g)) {
      const [local, remote] = [parseInt(from!, 16), parseInt(to!, 16)];
      // The other end's own line, where it is on this machine, shows what its program has not read yet.
      const other = local === port ? remote : remote === port ? local : undefined;
      if (other !== undefined) queues.set(other, `${queues.get(other) ?? ""} ${queued}`);
    }
  }
  return queues;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
