import { echo } from "../../adapters/echo.ts";
import { adapterSuite } from "../adapter-suite.ts";

adapterSuite("echo", {
  adapter: echo(),
  model: async () => ({ id: "echo", path: "", settings: {} }),
  prompt: "one two three, four five six: seven eight nine ten; eleven twelve thirteen fourteen fifteen sixteen seventeen",
  prompt_tokens: 17,
  context: 512,
  samples: false,
});
