// The package: what a program that brings ingle along may rely on. The parts it is made of are in parts.ts.
export { openIngle, type Ingle, type IngleOptions } from "./open.ts";
export { serve, type Fetch, type ServeOptions, type Server } from "./serve.ts";
export { ConfigError } from "./config.ts";
export { LockedError } from "./store/holder-of-lock.ts";
export type { OwnModel } from "../models/own-model.ts";

// For an adapter of one's own.
export { echo } from "../adapters/echo.ts";
export { stopFilter } from "../adapters/stop.ts";
export { AdapterError, CAPABILITIES } from "../adapters/adapter.ts";
export type {
  Adapter,
  AdapterErrorCode,
  AdapterErrorOptions,
  Capability,
  ChatEvent,
  ChatMessage,
  ChatRequest,
  ContentPart,
  Engine,
  LoadOptions,
  TokenLogprob,
  Tool,
  ToolCall,
  Unasked,
  Usage,
} from "../adapters/adapter.ts";
export type { InstalledModel, Model } from "../models/model.ts";
