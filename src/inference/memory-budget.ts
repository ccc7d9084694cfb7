// Memory for all models together: a load that finds too little waits in order, and idle models are unloaded, the least recently used
// first. A busy one that is in the way gets no new requests, so that models which do not fit side by side alternate and none starves.
import { addAbortListener } from "node:events";
import type { InstalledModel, Model } from "../../models/manifest.ts";
import type { ContextLoad, RequestedLoad } from "../../models/memory-estimate.ts";
import { ApiError } from "../http/errors.ts";
import { formatBytes } from "../support/quantities.ts";

export interface LoadMemory {
  /** Bytes of main memory for weights, context and work space. */
  total: number;
  /** Bytes that go to graphics cards; absent: none. */
  card_bytes?: number;
  /** As `LoadOptions`. */
  gpu_layers?: number | undefined;
  /** What `total` is for; absent: what was asked for. */
  load?: ContextLoad;
  /** The largest context, in tokens, with which the model would fit into so many bytes; 0 for none. */
  largestContext(bytes: number): number;
}

export interface MemoryBudgetOptions {
  /** What the model takes with these slots and tokens of each, or with as many as memory allows; undefined where that is not known: then it is not counted. */
  need(installed: InstalledModel, load: RequestedLoad, model: Model): Promise<LoadMemory | undefined>;
  /** Bytes that all engines together may take at the moment. */
  budget(): number;
}

/** One engine, from its load to the end of its process. */
export interface MemoryHolder {
  readonly id: string;
  /** No request runs on it, or waits for its slots or its load. */
  readonly idle: boolean;
  readonly pinned: boolean;
  readonly loading: boolean;
  /** Gets no new requests, and is closed as soon as it is idle. */
  readonly stopping: boolean;
  /** The later it was used, the larger; never equal. */
  readonly used: number;
  /** An older request waits for its memory: new ones are not to begin here. Set by `update`. */
  draining: boolean;
  /** Called when it is idle; its memory comes back with `release`, later. */
  evict(): void;
}

export type MemoryBudget = ReturnType<typeof createMemoryBudget>;

interface MemoryRequest {
  holder: MemoryHolder;
  need: LoadMemory;
  granted: PromiseWithResolvers<void>;
}

/** `budget`: bytes that all together may take; it may change from one moment to the next. */
export function createMemoryBudget(budget: () => number) {
  const held = new Map<MemoryHolder, number>();
  const waiting: MemoryRequest[] = [];

  const freeBytes = (): number => budget() - sum([...held.values()]);

  const pinnedBytes = (): number => sum([...held].map(([{ pinned, stopping }, bytes]) => (pinned && !stopping ? bytes : 0)));

  /** The error where it would not fit if all that may be unloaded were. */
  const refusalOf = ({ id }: MemoryHolder, need: LoadMemory): ApiError | undefined => {
    const available = budget() - pinnedBytes();
    return need.total <= available ? undefined : insufficientMemory(id, need, available, pinnedBytes());
  };

  // While a model loads, what is free is not a number to refuse another by.
  const isAnyLoading = (): boolean => [...held.keys()].some(({ loading }) => loading);

  /** Evicts until `missing` bytes will come free, beside those of engines that are stopping. */
  const evictUntilFree = (missing: number): void => {
    for (const holder of [...held.keys()].toSorted(byEvictionOrder)) {
      if (missing <= 0) return;
      if (holder.pinned && !holder.stopping) continue;
      missing -= held.get(holder)!;
      if (holder.idle) holder.evict();
      else holder.draining = true;
    }
  };

  /** True when the first in the queue is served or refused. */
  const tryGrant = ({ holder, need, granted }: MemoryRequest): boolean => {
    const missing = need.total - freeBytes();
    if (missing <= 0) {
      held.set(holder, need.total);
      granted.resolve();
      return true;
    }
    const refusal = refusalOf(holder, need);
    if (refusal !== undefined) {
      if (isAnyLoading()) return false;
      granted.reject(refusal);
      return true;
    }
    // Where all clients of this load have left, no other engine has to go for it.
    if (holder.idle) holder.evict();
    else evictUntilFree(missing);
    return false;
  };

  /** To be called whenever a holder became idle or busy, was pinned or unpinned, or has loaded. */
  const update = (): void => {
    for (const holder of held.keys()) holder.draining = false;
    while (waiting.length > 0 && tryGrant(waiting[0]!)) waiting.shift();
  };

  return {
    update,
    /** Undefined where it holds none. */
    bytesOf: (holder: MemoryHolder): number | undefined => held.get(holder),
    release(holder: MemoryHolder): void {
      if (held.delete(holder)) update();
    },
    /**
     * Waits until so much is free, in order of arrival, and holds it. Throws `ApiError` 503 `insufficient_memory` where it would not fit
     * if all that may be unloaded were, and the signal's reason.
     */
    async reserve(holder: MemoryHolder, need: LoadMemory, signal: AbortSignal): Promise<void> {
      signal.throwIfAborted();
      const refusal = refusalOf(holder, need);
      if (refusal !== undefined && !isAnyLoading()) throw refusal;
      const request = { holder, need, granted: Promise.withResolvers<void>() };
      const listener = addAbortListener(signal, () => {
        const at = waiting.indexOf(request);
        if (at >= 0) waiting.splice(at, 1);
        request.granted.reject(signal.reason);
        update();
      });
      waiting.push(request);
      update();
      await request.granted.promise.finally(() => listener[Symbol.dispose]());
    },
  };
}

/** The idle ones first, then the busy ones; of each those that are stopping, then the least recently used. */
function byEvictionOrder(a: MemoryHolder, b: MemoryHolder): number {
  return Number(b.idle) - Number(a.idle) || Number(b.stopping) - Number(a.stopping) || a.used - b.used;
}

const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);

function insufficientMemory(id: string, need: LoadMemory, available: number, pinned: number): ApiError {
  const context = need.largestContext(available);
  const way =
    context > 0 ? `Start with --context ${context}, or with fewer --slots.` : "No context would fit. Choose a smaller model.";
  const beside = pinned > 0 ? `, beside ${formatBytes(pinned)} of pinned models` : "";
  const message = `Model "${id}" needs ${formatBytes(need.total)} of memory and ${formatBytes(available)} is available${beside}. ${way}`;
  // Pinned models may be let go; without them, what is too little for the model alone stays so.
  const lasting = pinned === 0;
  return new ApiError(503, message, { code: "insufficient_memory", param: "model", lasting, headers: { "retry-after": "5" } });
}
