import { nodeLlamaCpp } from "../adapters/node-llama-cpp.ts";
import { adapterSuite } from "./adapter-suite.ts";
import { tinyModel } from "./support/models.ts";

adapterSuite("node-llama-cpp in this process, tiny model", {
  adapter: nodeLlamaCpp(),
  model: () => tinyModel({ context_length: 1536 }),
  prompt: "hello world, xyz",
  prompt_tokens: 18,
  long_prompt: "ab ".repeat(440),
  context: 1536,
  samples: true,
});
