// The messages between the server and an engine's process: one JSON object a line, over standard input and output.
import type { InstalledModel } from "../../models/manifest.ts";
import type { EmbedEvent, RerankEvent } from "../embedding.ts";
import type { LoadOptions } from "../load-options.ts";
import type { WireError } from "../shared/wire-error.ts";
import type { ScoringEvent, ScoringRequest, TokenEmbedRequest, TokenEngine, TokenRequest } from "../token-engine.ts";

/** In ms: how long the engine may take to end once it is asked to. It may have conversations to save. */
export const CLOSE_MS = 8_000;

export type ToChild =
  | { type: "load"; model: InstalledModel; options: Omit<LoadOptions, "onProgress"> }
  | ({ id: number } & ChildCall)
  | { type: "abort"; id: number };

export type ChildCall =
  | { type: "generate"; request: TokenRequest | ScoringRequest }
  | { type: "embed" | "rank"; request: TokenEmbedRequest };

export type ChildEvent = ScoringEvent | WireEmbedEvent | RerankEvent;

/** `vector`: as `encodeVector` writes it. */
export type WireEmbedEvent = { type: "embedding"; index: number; vector: string } | Extract<EmbedEvent, { type: "finish" }>;

/** What the server is told of a loaded engine. `calls`: what it has beside `generate`. */
export type LoadedEngine = Pick<TokenEngine, "slots" | "context_length" | "longest_input"> & {
  calls: ("score" | "embed" | "rank")[];
};

export type FromChild =
  /** A sign of life. */
  | { type: "loading" }
  | ({ type: "loaded" } & LoadedEngine)
  | { type: "load_failed"; error: WireError }
  | { type: "event"; id: number; event: ChildEvent }
  | { type: "error"; id: number; error: WireError };
