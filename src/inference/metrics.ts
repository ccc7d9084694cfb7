// What is counted of turns and engines, for GET /metrics. Once a turn, never once a token.
import type { Usage } from "../../adapters/adapter.ts";
import { createRegistry } from "../support/prometheus.ts";
import type { EngineRow } from "./engine-row.ts";

/** Where a turn is: it waits for its slot, for its model, for its first token, for its last one. */
export type Phase = "queue" | "load" | "prefill" | "decode";

/** How a turn ended: done, failed, left by its client, not taken in, or longer than it may. */
export type Outcome = "ok" | "error" | "cancelled" | "refused" | "timed_out";

export interface PoolMetrics {
  /** A turn is over; `phase`: where it was then, and `code` that of its error, both empty where there is none. */
  ended(model: string, outcome: Outcome, phase: Phase | "", code: string): void;
  /** A turn that was done, in milliseconds from its arrival. */
  done(model: string, ms: number, usage: Usage): void;
  /** A turn has its slot; in milliseconds from its arrival. */
  waited(model: string, ms: number): void;
  /** A turn has its first token; in milliseconds from its arrival. */
  first(model: string, ms: number): void;
  /** A load is over; `code`: that of its error, empty where it went well. */
  loaded(model: string, code: string): void;
  /** An engine that was loaded is gone unasked. */
  died(model: string): void;
  /** In Prometheus' text format, of these models alone: what is counted of others is forgotten. */
  text(models: string[]): string;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** `rows`: the engines there are. */
export function createPoolMetrics(rows: () => EngineRow[]): PoolMetrics {
  const registry = createRegistry();
  const of = ["model"];
  const turns = registry.counter("ingle_turns_total", "Chat turns that are over.", [...of, "outcome", "phase", "code"]);
  const histogram = (name: string, help: string) => registry.histogram(name, help, of, SECONDS);
  const wait = histogram("ingle_turn_wait_seconds", "From the arrival of a turn to its slot.");
  const first = histogram("ingle_time_to_first_token_seconds", "From the arrival of a turn to its first token.");
  const duration = histogram("ingle_turn_duration_seconds", "From the arrival of a turn to its end, of those that were done.");
  const tokens = (kind: string, help: string) => registry.counter(`ingle_${kind}_tokens_total`, help, of);
  const prompt = tokens("prompt", "Tokens of prompts, of turns that were done.");
  const cached = tokens("cached", "Those of them that were kept from earlier turns.");
  const completion = tokens("completion", "Tokens of answers, of turns that were done.");
  const loads = registry.counter("ingle_model_loads_total", "Loads that are over.", [...of, "outcome", "code"]);
  const deaths = registry.counter("ingle_engine_deaths_total", "Engines that ended unasked.", of);

  let shown: string[] = [];
  const gauge = (name: string, help: string, valueOf: (row: EngineRow) => number): void =>
    registry.gauge(name, help, of, () => {
      // Of one model there may be a second engine, which ends its last turns.
      const sums = new Map(shown.map((id) => [id, 0]));
      for (const row of rows()) if (sums.has(row.id)) sums.set(row.id, sums.get(row.id)! + valueOf(row));
      return [...sums].map(([id, sum]) => [[id], sum]);
    });
  gauge("ingle_queue_length", "Turns that wait for a slot.", ({ queued }) => queued);
  gauge("ingle_slots_busy", "Slots that have a turn.", ({ busy }) => busy);
  gauge("ingle_slots", "Slots of what is loaded.", ({ slots }) => slots);

  return {
    ended: (model, outcome, phase, code) => turns.add([model, outcome, phase, code]),
    done(model, ms, usage) {
      const labels = [model];
      duration.observe(labels, ms / 1000);
      prompt.add(labels, usage.prompt_tokens);
      cached.add(labels, usage.cached_tokens);
      completion.add(labels, usage.completion_tokens);
    },
    waited: (model, ms) => wait.observe([model], ms / 1000),
    first: (model, ms) => first.observe([model], ms / 1000),
    loaded: (model, code) => loads.add([model, code === "" ? "ok" : "error", code]),
    died: (model) => deaths.add([model]),
    text(models) {
      shown = models;
      const installed = new Set(models);
      registry.keep(([model]) => installed.has(model!));
      return registry.text();
    },
  };
}
