import { afterAll } from "bun:test";
import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import { ABOUT as EMBEDDED } from "../../adapters/node-llama-cpp/description.ts";
import { chatAdapter } from "../../adapters/shared/chat/chat-adapter.ts";
import { adapterSuite, TINY } from "../adapter-suite.ts";
import { startPrompts } from "../support/prompts.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());

adapterSuite("node-llama-cpp in this process, tiny model", { ...TINY, adapter: chatAdapter(EMBEDDED, nodeLlamaCpp(), prompts) });
