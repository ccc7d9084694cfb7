// OpenAI's client, unchanged, asks each native engine for embeddings, with real weights.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EMBEDDINGS_PROGRAM } from "../support/client-programs.ts";
import { addEncoders } from "../support/encoders-folder.ts";
import { testPrograms } from "./test-programs.ts";

const data = await mkdtemp(join(tmpdir(), "ingle-encoders-"));
const { skip } = await addEncoders(data);
// One thread: several wait for each other where the machine has other work.
await testPrograms([EMBEDDINGS_PROGRAM], { options: ["--threads", "1"], data, skip });
