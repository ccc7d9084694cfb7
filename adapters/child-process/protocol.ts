// The messages between the server and an engine's process: one JSON object a line, over standard input and output.
import type { InstalledModel } from "../../models/manifest.ts";
import type { LoadOptions } from "../load-options.ts";
import type { WireError } from "../shared/wire-error.ts";
import type { ScoringEvent, ScoringRequest, TokenRequest } from "../token-engine.ts";

/** In ms: how long the engine may take to end once it is asked to. It may have conversations to save. */
export const CLOSE_MS = 8_000;

export type ToChild =
  | { type: "load"; model: InstalledModel; options: Omit<LoadOptions, "onProgress"> }
  | { type: "generate"; id: number; request: TokenRequest | ScoringRequest }
  | { type: "abort"; id: number };

export type FromChild =
  /** A sign of life. */
  | { type: "loading" }
  | { type: "loaded"; slots: number; context_length: number }
  | { type: "load_failed"; error: WireError }
  | { type: "event"; id: number; event: ScoringEvent }
  | { type: "error"; id: number; error: WireError };
