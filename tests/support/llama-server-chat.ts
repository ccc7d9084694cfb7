// llama-server as the registry makes an adapter of it.
import type { Adapter } from "../../adapters/adapter.ts";
import { llamaServer, type LlamaServerOptions } from "../../adapters/llama-server/adapter.ts";
import { ABOUT } from "../../adapters/llama-server/description.ts";
import { chatAdapter } from "../../adapters/shared/chat/chat-adapter.ts";

export const llamaServerChat = (options: LlamaServerOptions): Adapter =>
  chatAdapter(ABOUT, llamaServer(options), options.prompts);
