// Memory for all models together: who finds too little waits in line, and idle models go, the least recently used first. A busy one
// that is in the way gets no new turns, so that models which do not fit side by side take turns and none of them starves.
import type { InstalledModel } from "../../models/manifest.ts";
import { ApiError } from "../http/errors.ts";
import { inBytes } from "../support/quantities.ts";

/** What a model takes. */
export interface MemoryNeed {
  /** Bytes of weights, context and work space. */
  total: number;
  /** The largest context, in tokens, with which it would fit into so many bytes; 0 for none. */
  largestContext(bytes: number): number;
}

export interface MemoryBudgetOptions {
  /** What the model takes with these slots and tokens of each; undefined: nobody knows, and it is not counted. */
  need(model: InstalledModel, load: { slots: number; context: number }): Promise<MemoryNeed | undefined>;
  /** Bytes that all engines together may take at the moment. */
  budget(): number;
}

/** Whoever holds memory: one engine, from its load to the end of its process. */
export interface MemoryHolder {
  readonly id: string;
  /** Nobody has a turn of it, waits for one, or waits for its load. */
  readonly idle: boolean;
  readonly pinned: boolean;
  readonly loading: boolean;
  /** It was told to go, and does as soon as it is idle. */
  readonly stopping: boolean;
  /** The later it was used, the larger; never equal. */
  readonly used: number;
  /** An older request waits for its memory: new turns are not to begin here. Set by `settle`. */
  draining: boolean;
  /** Told when it is idle; it gives its memory back in its own time. */
  evict(): void;
}

export interface MemoryBudget {
  /**
   * Waits until it all is free, in the order of asking, and holds it. Throws `ApiError` 503 `insufficient_memory` where it would not
   * fit if all that may go were gone, and the signal's reason.
   */
  reserve(tenant: MemoryHolder, need: MemoryNeed, signal: AbortSignal): Promise<void>;
  release(tenant: MemoryHolder): void;
  /** To be called whenever a tenant became idle or busy, or was pinned or let loose. */
  update(): void;
  /** Undefined for who holds none. */
  bytesOf(tenant: MemoryHolder): number | undefined;
}

interface MemoryRequest {
  tenant: MemoryHolder;
  need: MemoryNeed;
  granted: PromiseWithResolvers<void>;
}

/** `budget`: bytes that all together may take; it may change from one moment to the next. */
export function createMemoryBudget(budget: () => number): MemoryBudget {
  const held = new Map<MemoryHolder, number>();
  const waiting: MemoryRequest[] = [];

  const free = (): number => budget() - sum([...held.values()]);

  /** What can never come free. */
  const kept = (): number => sum([...held].map(([{ pinned, stopping: leaving }, bytes]) => (pinned && !leaving ? bytes : 0)));

  /** Why it would not fit if all that may go were gone. */
  const impossible = ({ id }: MemoryHolder, need: MemoryNeed): ApiError | undefined => {
    const available = budget() - kept();
    return need.total <= available ? undefined : insufficient(id, need, available, kept());
  };

  // While one loads, what is free is no number to refuse another by.
  const someLoad = (): boolean => [...held.keys()].some(({ loading }) => loading);

  /** Lets go until `missing` bytes will come free, beside those that go already. */
  const evictUntilFree = (missing: number): void => {
    for (const tenant of [...held.keys()].toSorted(byEvictionOrder)) {
      if (missing <= 0) return;
      if (tenant.pinned && !tenant.stopping) continue;
      missing -= held.get(tenant)!;
      if (tenant.idle) tenant.evict();
      else tenant.draining = true;
    }
  };

  /** True when the first in line need wait no more. */
  const tryGrant = ({ tenant, need, granted }: MemoryRequest): boolean => {
    const missing = need.total - free();
    if (missing <= 0) {
      held.set(tenant, need.total);
      granted.resolve();
      return true;
    }
    const refusal = impossible(tenant, need);
    if (refusal !== undefined && someLoad()) return false;
    if (refusal !== undefined) {
      granted.reject(refusal);
      return true;
    }
    // Where all who wanted it have left, nobody has to go for it.
    if (tenant.idle) tenant.evict();
    else evictUntilFree(missing);
    return false;
  };

  const settle = (): void => {
    for (const tenant of held.keys()) tenant.draining = false;
    while (waiting.length > 0 && tryGrant(waiting[0]!)) waiting.shift();
  };

  return {
    update: settle,
    bytesOf: (tenant) => held.get(tenant),
    release(tenant) {
      if (held.delete(tenant)) settle();
    },
    async reserve(tenant, need, signal) {
      signal.throwIfAborted();
      const refusal = impossible(tenant, need);
      if (refusal !== undefined && !someLoad()) throw refusal;
      const waiter = { tenant, need, granted: Promise.withResolvers<void>() };
      const onAbort = (): void => {
        const at = waiting.indexOf(waiter);
        if (at >= 0) waiting.splice(at, 1);
        waiter.granted.reject(signal.reason);
        settle();
      };
      signal.addEventListener("abort", onAbort, { once: true });
      waiting.push(waiter);
      settle();
      await waiter.granted.promise.finally(() => signal.removeEventListener("abort", onAbort));
    },
  };
}

/** The idle ones first, then the busy ones; of each those that go already, then the ones that were not used for longest. */
function byEvictionOrder(a: MemoryHolder, b: MemoryHolder): number {
  return Number(b.idle) - Number(a.idle) || Number(b.stopping) - Number(a.stopping) || a.used - b.used;
}

const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);

function insufficient(id: string, need: MemoryNeed, available: number, pinned: number): ApiError {
  const context = need.largestContext(available);
  const way =
    context > 0 ? `Start with --context ${context}, or with fewer --slots.` : "No context would fit. Choose a smaller model.";
  const kept = pinned > 0 ? `, beside ${inBytes(pinned)} of pinned models` : "";
  const message = `Model "${id}" needs ${inBytes(need.total)} of memory and ${inBytes(available)} is available${kept}. ${way}`;
  return new ApiError(503, message, { code: "insufficient_memory", param: "model", headers: { "retry-after": "5" } });
}
