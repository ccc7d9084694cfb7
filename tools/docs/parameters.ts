// The table of docs/api.md, from the list of parameters of a chat request.
import { join } from "node:path";
import { type KnownParameter, PARAMETERS } from "../../src/api/chat/parameters/list.ts";
import { type MadePage, pageWithTable } from "./table.ts";

const PAGE = join(import.meta.dirname, "../../docs/api.md");
const BEGIN = "<!-- The table is made by `npm run docs` from src/api/chat/parameters/list.ts. -->\n\n";
const END = "\n<!-- End of the table. -->";

const ORDER: KnownParameter["treatment"]["type"][] = ["honoured", "mapped", "switch", "thoughts", "passed over", "refused"];

export function parametersPage(): MadePage {
  const rows = ORDER.flatMap((type) => {
    const known = [...PARAMETERS].filter(([, { treatment }]) => treatment.type === type);
    return known.map(([name, { from, nothing, treatment }]) => [`\`${name}\``, from, inWords(treatment), nothing.says]);
  });
  return pageWithTable(PAGE, BEGIN, END, [["parameter", "known from", "here", "asks for nothing"], ...rows]);
}

function inWords(treatment: KnownParameter["treatment"]): string {
  switch (treatment.type) {
    case "honoured":
      return treatment.needs === undefined ? "honoured" : `honoured with the capability \`${treatment.needs}\`, else refused`;
    case "mapped":
      return `is \`${treatment.to}\``;
    case "switch":
      return "turns a switch or bounds thoughts, else passed over";
    case "thoughts":
      return "honoured";
    default:
      return treatment.type;
  }
}
