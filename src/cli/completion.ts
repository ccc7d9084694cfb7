// `ingle completion`: has a shell complete the words of ingle.
import { defineCommand } from "citty";
import { didYouMean } from "./arguments.ts";
import { SCRIPTS, SHELLS } from "./completion/scripts.ts";
import { CliError } from "./error.ts";
import { INVOCATION } from "./invocation.ts";
import { print } from "./print.ts";

export default defineCommand({
  args: { shell: { type: "positional", required: true, description: `The shell: ${SHELLS.join(", ")}` } },
  run({ args: { shell } }) {
    if (!Object.hasOwn(SCRIPTS, shell))
      throw new CliError(
        `"${shell}" is not a shell that is known.${didYouMean(shell, SHELLS)} Write one of ${SHELLS.join(", ")}.`,
        2,
      );
    // npm says on standard output what it runs.
    print(SCRIPTS[shell]!(INVOCATION.replace(/^npm run /, "npm run --silent ")));
  },
});
