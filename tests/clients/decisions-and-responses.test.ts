// OpenAI's client, unchanged, asks each native engine for decisions and for responses, with the real model.
import { DECISIONS_PROGRAM, RESPONSES_PROGRAM } from "../support/client-programs.ts";
import { folderWithModel } from "../support/real-model.ts";
import { testPrograms } from "./test-programs.ts";

await testPrograms([DECISIONS_PROGRAM, RESPONSES_PROGRAM], { options: ["--context", "8192"], data: await folderWithModel() });
