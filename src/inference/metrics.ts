// Metrics of generations and engines, for GET /metrics. Counted once a generation, never once a token.
import type { Usage } from "../../adapters/adapter.ts";
import { createRegistry } from "../support/prometheus.ts";
import type { EngineRow } from "./engine-row.ts";

/** What a generation waits for: its slot, its model, its first token, its last one. */
export type Phase = "queue" | "load" | "prefill" | "decode";

/** `cancelled`: left by its client. `refused`: the queue was full. */
type GenerationOutcome = "ok" | "error" | "cancelled" | "refused" | "timed_out";

/** All times in milliseconds from the arrival of the generation. */
export type PoolMetrics = ReturnType<typeof createPoolMetrics>;

/** How a generation ended: `phase` and the `code` of its error are empty where it went well. */
export type GenerationEnd = [outcome: GenerationOutcome, phase: Phase | "", code: string];

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** `engines`: the rows of all engines at the moment. */
export function createPoolMetrics(engines: () => EngineRow[]) {
  const registry = createRegistry();
  const labels = ["model"];
  const counter = (name: string, help: string, ...more: string[]) => registry.counter(name, help, [...labels, ...more]);
  const histogram = (name: string, help: string) => registry.histogram(name, help, labels, SECONDS);
  // Dashboards know these names, which are older than the word "generation".
  const generations = counter("ingle_turns_total", "Generations that are over.", "outcome", "phase", "code");
  const wait = histogram("ingle_turn_wait_seconds", "From the arrival of a generation to its slot.");
  const first = histogram("ingle_time_to_first_token_seconds", "From the arrival of a generation to its first token.");
  const duration = histogram(
    "ingle_turn_duration_seconds",
    "From the arrival of a generation to its last token, where it went well.",
  );
  const prompt = counter("ingle_prompt_tokens_total", "Tokens of prompts, of generations that went well.");
  const cached = counter("ingle_cached_tokens_total", "Tokens of these prompts that were read before.");
  const completion = counter("ingle_completion_tokens_total", "Tokens of answers, of generations that went well.");
  const loads = counter("ingle_model_loads_total", "Loads that are over.", "outcome", "code");
  const deaths = counter("ingle_engine_deaths_total", "Engines that died.");

  let installed: string[] = [];
  const gauge = (name: string, help: string, valueOf: (row: EngineRow) => number): void =>
    registry.gauge(name, help, labels, () => {
      // A model may have a second engine, which ends its last generations.
      const sums = new Map(installed.map((id) => [id, 0]));
      for (const row of engines()) if (sums.has(row.id)) sums.set(row.id, sums.get(row.id)! + valueOf(row));
      return [...sums].map(([id, sum]) => [[id], sum]);
    });
  gauge("ingle_queue_length", "Generations that wait for a slot.", ({ queued }) => queued);
  gauge("ingle_slots_busy", "Slots in use.", ({ busy }) => busy);
  gauge("ingle_slots", "Slots of the engines there are.", ({ slots }) => slots);

  return {
    slotAcquired: (model: string, ms: number): void => wait.observe([model], ms / 1000),
    firstToken: (model: string, ms: number): void => first.observe([model], ms / 1000),
    /** A generation came to its last event. */
    generationDone(model: string, ms: number, usage: Usage): void {
      duration.observe([model], ms / 1000);
      prompt.add([model], usage.prompt_tokens);
      cached.add([model], usage.cached_tokens);
      completion.add([model], usage.completion_tokens);
    },
    generationEnded: (model: string, ...end: GenerationEnd): void => generations.add([model, ...end]),
    /** `code`: that of the error, empty where the load went well. */
    loadEnded: (model: string, code: string): void => loads.add([model, code === "" ? "ok" : "error", code]),
    engineDied: (model: string): void => deaths.add([model]),
    /** In Prometheus' text format, of these models alone: what was counted of others is forgotten. */
    text(models: string[]): string {
      installed = models;
      const known = new Set(models);
      registry.keep(([model]) => known.has(model!));
      return registry.text();
    },
  };
}
