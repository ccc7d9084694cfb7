import { afterAll } from "bun:test";
import { nodeLlamaCpp } from "../../adapters/node-llama-cpp/adapter.ts";
import { withPrompts } from "../../adapters/node-llama-cpp/with-prompts.ts";
import { adapterSuite, TINY } from "../adapter-suite.ts";
import { startPrompts } from "../support/prompts.ts";

const prompts = startPrompts();
afterAll(() => prompts.close());

adapterSuite("node-llama-cpp in this process, tiny model", { ...TINY, adapter: withPrompts(nodeLlamaCpp(), prompts) });
