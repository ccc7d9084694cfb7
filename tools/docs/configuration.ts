// The table of docs/configuration.md, from the settings.
import { join } from "node:path";
import { defaultOf, flagOf, SETTING_NAMES, SETTINGS, variableOf } from "../../src/server/settings.ts";
import { type MadePage, markdownTable, pageWith } from "./table.ts";

const PAGE = join(import.meta.dirname, "../../docs/configuration.md");
const BEGIN = "<!-- The table is made by `npm run docs` from src/server/settings.ts. -->\n\n";
const END = "\n<!-- End of the table. -->";

export function configurationPage(): MadePage {
  const rows = SETTING_NAMES.map((name) => {
    return [`\`--${flagOf(name)}\``, `\`${variableOf(name)}\``, defaultOf(name) ?? "", SETTINGS[name].description];
  });
  return pageWith(PAGE, { begin: BEGIN, end: END, text: markdownTable([["Option", "Variable", "Default", ""], ...rows]) });
}
