// The sections of docs/runtimes.md, from the cases of raw HTTP in which a runtime does otherwise.
import { join } from "node:path";
import { RUNTIMES } from "../../src/launch/runtimes.mjs";
import { expectedOn, type RawCase } from "../../tests/server/raw-http/case.ts";
import { RAW_CASES } from "../../tests/server/raw-http/cases.ts";
import { type Difference, type DifferenceName, DIFFERENCES } from "../../tests/server/raw-http/differences.ts";
import { type MadePage, markdownTable, pageWith } from "./table.ts";

const PAGE = join(import.meta.dirname, "../../docs/runtimes.md");
const BEGIN = "<!-- The sections are made by `npm run docs` from tests/server/raw-http/. -->\n\n";
const END = "\n<!-- End of the sections. -->";

export function runtimesPage(): MadePage {
  const cases = Object.values(RAW_CASES).flat();
  const sections = (Object.keys(DIFFERENCES) as DifferenceName[]).map((name) =>
    section(
      DIFFERENCES[name],
      cases.filter((each) => each.except?.difference === name),
    ),
  );
  return pageWith(PAGE, { begin: BEGIN, end: END, text: sections.join("\n") });
}

function section({ title, text, links }: Difference, cases: RawCase[]): string {
  const rows = cases.map((each) => [each.title, ...RUNTIMES.map((runtime) => expectedOn(runtime, each))]);
  const sources = links.map((link) => ` <${link}>`).join(",");
  return `### ${title}\n\n${text}${sources}\n\n${markdownTable([["sent", "Bun", "Node", "Deno"], ...rows])}`;
}
