// How ingle was called here, for the sentences that name a command.
import { CARRIED } from "../executable/carried.ts";
import { invocationOf, workingFolder } from "../launch/invocation.mjs";
import { COMMAND_NAMES } from "./command-list.ts";

/** The words before a command, such as `npx ingle`. */
export const INVOCATION = invocationOf({
  env: process.env,
  program: process.execPath,
  script: CARRIED === undefined ? process.argv[1] : undefined,
  cwd: workingFolder(),
});

const NAMED = new RegExp(`(?<=^|["\`])ingle(?= (?:${COMMAND_NAMES.join("|")}|--help)\\b)`, "gm");

/**
 * A text for this terminal: the commands that it names, as in `Run "ingle pull tiny".`, in the words with which ingle was called. Errors of
 * every room come this way; only here is known how.
 */
export const asCalled = (text: string): string => text.replace(NAMED, () => INVOCATION);
