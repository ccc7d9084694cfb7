// Who waits for the slots of one model, by client: whose turn is next, and who gives a place up when the queue is full.
import { createHeap } from "./heap.ts";
import { createLine, type Line, type Place } from "./linked-list.ts";

/** One client that has turns here. */
export interface QueueClient {
  readonly name: string;
  /** Turns that have a slot. */
  running: number;
  readonly waiting: Line<QueuedRequest>;
  /** When a turn of its last ended; counted as arrivals are. */
  served: number;
}

/** A turn in the queue. */
export interface QueuedRequest {
  readonly client: QueueClient;
  /** The later it came, the larger. */
  readonly arrival: number;
  grant(): void;
  refuse(reason: Error): void;
}

export interface FairShare {
  /** Turns in the queue. */
  readonly waiting: number;
  /** Makes one known of whom there is nothing yet. */
  get(name: string): QueueClient;
  slotTaken(client: QueueClient): void;
  slotFreed(client: QueueClient): void;
  enqueue(waiter: Omit<QueuedRequest, "arrival">): Place<QueuedRequest>;
  /** It left, or is let in or turned away now. */
  dequeue(place: Place<QueuedRequest>): void;
  /** Whose turn it is. */
  next(): Place<QueuedRequest> | undefined;
  /** The newest turn of the client that has the most in the queue, if a turn of this one is better there. */
  evictionCandidate(client: QueueClient): Place<QueuedRequest> | undefined;
}

export function createFairShare(): FairShare {
  const known = new Map<string, QueueClient>();
  const byTurn = createHeap(isNext);
  const byGreed = createHeap(isGreedier);
  let moment = 0;
  let waiting = 0;

  /** To be called whenever anything of a client has changed. Nobody is remembered who has no turn here. */
  const rank = (client: QueueClient): void => {
    if (client.waiting.length > 0) {
      byTurn.place(client);
      byGreed.place(client);
      return;
    }
    byTurn.remove(client);
    byGreed.remove(client);
    if (client.running === 0) known.delete(client.name);
    else known.set(client.name, client);
  };

  return {
    get waiting() {
      return waiting;
    },
    get: (name) => known.get(name) ?? { name, running: 0, waiting: createLine(), served: 0 },
    slotTaken(client) {
      client.running++;
      rank(client);
    },
    slotFreed(client) {
      client.running--;
      client.served = ++moment;
      rank(client);
    },
    enqueue(waiter) {
      const { client } = waiter;
      const place = client.waiting.push({ ...waiter, arrival: ++moment });
      waiting++;
      known.set(client.name, client);
      rank(client);
      return place;
    },
    dequeue(place) {
      const { client } = place.item;
      client.waiting.remove(place);
      waiting--;
      rank(client);
    },
    next: () => byTurn.first?.waiting.first,
    evictionCandidate(client) {
      const greediest = byGreed.first;
      return greediest !== undefined && isFairer(client, greediest) ? greediest.waiting.last : undefined;
    },
  };
}

/**
 * The fewest running turns first. Of equals the one that waits for longest since it came or was last served: had it only come long
 * ago, two clients with many turns would keep a third one waiting until all of theirs were done.
 */
function isNext(a: QueueClient, b: QueueClient): boolean {
  return a.running < b.running || (a.running === b.running && waitsSince(a) < waitsSince(b));
}

function waitsSince({ waiting, served }: QueueClient): number {
  return Math.max(served, waiting.first!.item.arrival);
}

function isGreedier(a: QueueClient, b: QueueClient): boolean {
  const more = a.waiting.length - b.waiting.length || a.running - b.running;
  return more > 0 || (more === 0 && a.waiting.last!.item.arrival > b.waiting.last!.item.arrival);
}

/** Among clients with a turn each nothing would get fairer by one taking the place of another. */
function isFairer(newcomer: QueueClient, greediest: QueueClient): boolean {
  const fewer = newcomer.waiting.length < greediest.waiting.length;
  return fewer && newcomer.running + newcomer.waiting.length + 1 < greediest.running + greediest.waiting.length;
}
