import { afterAll } from "bun:test";
import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import { ABOUT as EMBEDDED } from "../../adapters/node-llama-cpp/description.ts";
import { chatAdapter } from "../../adapters/shared/chat/chat-adapter.ts";
import { adapterSuite, TINY, TINY_WITH_TOOLS } from "../adapter-suite.ts";
import { rerankSuite } from "../embedding-suite.ts";
import { installedAs, tinyEncoder } from "../support/tiny-encoders.ts";
import { startPrompts } from "../support/prompts.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());

const subject = { adapter: chatAdapter(EMBEDDED, nodeLlamaCpp(), prompts), capabilities: EMBEDDED.capabilities() };

adapterSuite("node-llama-cpp in this process, tiny model", { ...TINY, ...subject });
adapterSuite("node-llama-cpp in this process, tiny model with a template for tools", { ...TINY_WITH_TOOLS, ...subject });
rerankSuite("node-llama-cpp in this process", { ...subject, model: () => installedAs("rank", tinyEncoder({ rank_head: true })) });
