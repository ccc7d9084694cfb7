// POST /v1/import: `ingle import` beside a running server. The server reads the folder, so `app.ts` admits only the operator's key.
import * as v from "valibot";
import type { Deps } from "../deps.ts";
import type { Handlers } from "../lazy-handlers.ts";
import { sse } from "../../http/sse.ts";
import { parseBody } from "../../http/validate.ts";
import { object } from "../objects.ts";

export const ImportRequest = object({
  folder: v.pipe(v.string(), v.nonEmpty()),
  /** The report says what would be done. */
  dry_run: v.optional(v.boolean(), false),
});

export const importHandlers = ({ importFolder, onError }: Deps) =>
  ({
    /** Answers one event, the report, when the import has ended. */
    async importOldFolder(c) {
      const { folder, dry_run } = await parseBody(c, ImportRequest);
      const report = async function* () {
        yield await importFolder!(folder, dry_run);
      };
      // An import goes on when its client leaves: half of it would help nobody.
      return sse(report(), new AbortController(), { onError: (error) => onError(error, c) });
    },
  }) satisfies Handlers;
