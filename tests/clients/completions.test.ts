// OpenAI's clients, unchanged, ask each native engine for completions, with the real model.
import { COMPLETIONS_PROGRAMS } from "../support/client-programs.ts";
import { folderWithModel } from "../support/real-model.ts";
import { testPrograms } from "./test-programs.ts";

// One thread: several wait for each other where the machine has other work.
const options = ["--threads", "1", "--context", "2048"];
await testPrograms(COMPLETIONS_PROGRAMS, { options, data: await folderWithModel() });
