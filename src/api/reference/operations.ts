// All operations of the API, in the order of the reference. A resource joins by a line.
import { assistantOperations } from "../assistants/reference.ts";
import { chatOperations } from "../chat/reference.ts";
import { completionOperations } from "../completions/reference.ts";
import { decisionOperations } from "../decisions/reference.ts";
import { downloadOperations } from "../downloads/reference.ts";
import { embeddingOperations } from "../embeddings/reference.ts";
import { rerankOperations } from "../rerank/reference.ts";
import { messageOperations } from "../messages/reference.ts";
import { modelOperations } from "../models/reference.ts";
import { ownerOperations, serverOperations } from "../operations/reference.ts";
import { responseOperations } from "../responses/reference.ts";
import { threadOperations } from "../threads/reference.ts";
import { tokenizeOperations } from "../tokenize/reference.ts";
import type { Operation } from "./operation.ts";

export const OPERATIONS: readonly Operation[] = [
  ...chatOperations,
  ...responseOperations,
  ...completionOperations,
  ...tokenizeOperations,
  ...embeddingOperations,
  ...rerankOperations,
  ...decisionOperations,
  ...modelOperations,
  ...downloadOperations,
  ...threadOperations,
  ...messageOperations,
  ...assistantOperations,
  ...serverOperations,
  ...ownerOperations,
];
