// Which queued request of one model gets the next free slot, and which gives up its place in a full queue: every client has its share.

/** A client with requests that run or wait. */
export interface QueueClient {
  readonly name: string;
  /** Slots that its requests have. */
  running: number;
  /** Requests in the queue. */
  queued: number;
  /** When a request of the client last gave a slot back, counted as arrivals are. */
  served: number;
}

interface QueuedRequest {
  readonly client: QueueClient;
  /** The later it came, the larger. */
  readonly arrival: number;
  grant(): void;
  refuse(reason: Error): void;
}

/** `next` and `evictionCandidate` read the whole queue, once a generation: the test "10,000 in the queue" shows what that costs. */
export function createFairShare() {
  const clients = new Map<string, QueueClient>();
  /** In order of arrival. */
  const queue = new Set<QueuedRequest>();
  let clock = 0;

  const count = (client: QueueClient, field: "running" | "queued", by: 1 | -1): void => {
    client[field] += by;
    if (client.running + client.queued === 0) clients.delete(client.name);
    else clients.set(client.name, client);
  };

  return {
    /** Requests in the queue. */
    get queued(): number {
      return queue.size;
    },
    /** The client of this name; a new one where none of its requests runs or waits. */
    get: (name: string): QueueClient => clients.get(name) ?? { name, running: 0, queued: 0, served: 0 },
    slotTaken: (client: QueueClient): void => count(client, "running", 1),
    slotFreed(client: QueueClient): void {
      client.served = ++clock;
      count(client, "running", -1);
    },
    enqueue(fields: Omit<QueuedRequest, "arrival">): QueuedRequest {
      const request = { ...fields, arrival: ++clock };
      queue.add(request);
      count(request.client, "queued", 1);
      return request;
    },
    /** Does nothing where the request has left the queue. */
    dequeue(request: QueuedRequest): void {
      if (queue.delete(request)) count(request.client, "queued", -1);
    },
    /** The request that gets the next free slot. */
    next(): QueuedRequest | undefined {
      let first: QueuedRequest | undefined;
      for (const request of queue) if (first === undefined || isBefore(request, first)) first = request;
      return first;
    },
    /** The newest request of the client that has the most in the queue, where a request of `client` has a better claim to the place. */
    evictionCandidate(client: QueueClient): QueuedRequest | undefined {
      let newest: QueuedRequest | undefined;
      for (const request of queue) if (newest === undefined || !isGreedier(newest.client, request.client)) newest = request;
      return newest !== undefined && isFairer(client, newest.client) ? newest : undefined;
    },
  };
}

/**
 * The client with the fewest slots first; among equals the one that has waited longest since it came or was last served.
 * By arrival alone, two clients with many requests would keep a third one waiting until all of theirs were done.
 */
function isBefore(a: QueuedRequest, b: QueuedRequest): boolean {
  const fewer = a.client.running - b.client.running;
  return fewer < 0 || (fewer === 0 && waitsSince(a) < waitsSince(b));
}

function waitsSince({ arrival, client }: QueuedRequest): number {
  return Math.max(client.served, arrival);
}

function isGreedier(a: QueueClient, b: QueueClient): boolean {
  return (a.queued - b.queued || a.running - b.running) > 0;
}

/** Between clients with one request each an exchange of places would make nothing fairer. */
function isFairer(newcomer: QueueClient, greediest: QueueClient): boolean {
  const fewer = newcomer.queued < greediest.queued;
  return fewer && newcomer.running + newcomer.queued + 1 < greediest.running + greediest.queued;
}
