// The one model of `--adapter echo`: it has no files, and cannot be changed.
import type { Model } from "../../models/model.ts";
import { ApiError } from "../errors.ts";
import type { Library } from "../library/library.ts";

const ECHO: Model = {
  id: "echo",
  object: "model",
  name: "Echo",
  version: "1.0",
  description: "Answers with the last message.",
  format: "gguf",
  created: 0,
  owned_by: "ingle",
  settings: {},
  parameters: {},
  metadata: {},
  files: [],
};

export function echoLibrary(): Library {
  return {
    list: async () => [ECHO],
    all: async () => [[ECHO.id, ECHO]],
    get: async (id) => (id === ECHO.id ? ECHO : undefined),
    resolve: async ({ id, settings }) => ({ id, path: "", settings }),
    add: refuse,
    ask: refuse,
    claim: refuse,
    asked: async () => [],
    remove: refuse,
    partial: async () => 0,
    wanted: async (id) => (id === ECHO.id ? undefined : refuse()),
    look: refuse,
    pull: refuse,
  };
}

function refuse(): never {
  throw new ApiError(409, `The models of "--adapter echo" cannot be changed. Start ingle without it.`, {
    code: "model_not_changeable",
  });
}
