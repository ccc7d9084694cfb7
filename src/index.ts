// The package: the API for programs that embed ingle. Its parts are in parts.ts.
import "./launch/require-node.mjs";
export { openIngle, type Ingle, type IngleOptions } from "./server/open-ingle.ts";
export { serve, type Fetch, type ServeOptions, type Server } from "./server/listen.ts";
export { ConfigError } from "./server/config-error.ts";
export { LockedError } from "./storage/lock/holder.ts";
export type { OwnModel } from "../models/own-model.ts";

// For programs with an adapter of their own.
export { echo } from "../adapters/echo.ts";
export { stopFilter } from "../adapters/shared/stop-filter.ts";
export { AdapterError, CAPABILITIES } from "../adapters/adapter.ts";
export type {
  Adapter,
  Capability,
  ChatEvent,
  ChatMessage,
  ChatRequest,
  ContentPart,
  Engine,
  TokenLogprob,
  Tool,
  ToolCall,
  Usage,
} from "../adapters/adapter.ts";
export type { CompletionRequest, TokenizeOptions } from "../adapters/completion.ts";
export type { Unasked } from "../adapters/generation-request.ts";
export type { AdapterErrorCode, AdapterErrorOptions, ContextCounts } from "../adapters/error-options.ts";
export type { KvCache, LoadOptions } from "../adapters/load-options.ts";
export type { InstalledModel, Model } from "../models/manifest.ts";
