// The two native engines in this process, as the registry makes adapters of them.
import type { Adapter } from "../../adapters/adapter.ts";
import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import { ABOUT as EMBEDDED } from "../../adapters/node-llama-cpp/description.ts";
import type { Prompts } from "../../adapters/prompts.ts";
import { chatAdapter } from "../../adapters/shared/chat/chat-adapter.ts";
import { realServer } from "./llama-server-binary.ts";
import { llamaServerChat } from "./llama-server-chat.ts";

/** `skip`: why one is not here. */
export async function nativeEngines(prompts: Prompts): Promise<[name: string, adapter: Adapter, skip: string | undefined][]> {
  const { path, skip } = await realServer();
  return [
    ["node-llama-cpp", chatAdapter(EMBEDDED, nodeLlamaCpp(), prompts), undefined],
    ["llama-server", llamaServerChat({ binary: () => path!, env: process.env, prompts }), skip],
  ];
}
