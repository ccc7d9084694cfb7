// Clients and frameworks of others, unchanged, ask the default engine with the real model for schemas, tools, choices and logprobs.
import { CLIENT_PROGRAMS } from "../support/client-programs.ts";
import { folderWithModel } from "../support/real-model.ts";
import { testPrograms } from "./test-programs.ts";

// One thread: several wait for each other where the machine has other work.
const options = ["--threads", "1", "--context", "4096"];
await testPrograms(CLIENT_PROGRAMS, { adapters: ["auto"], options, data: await folderWithModel() });
