// What is known of chat templates: a file that is damaged is written anew when its template is next asked for.
import { TEMPLATE_FILE, TEMPLATES_FOLDER } from "../../../models/template-files.ts";
import { IGNORED, type CheckedFolder } from "./folder.ts";

export async function checkTemplates({ report, entries }: CheckedFolder): Promise<void> {
  for (const { name, kind } of await entries(TEMPLATES_FOLDER)) {
    if (IGNORED.test(name) || (kind === "file" && TEMPLATE_FILE.test(name))) continue;
    report("foreign", `${TEMPLATES_FOLDER}/${name}`, "It is nothing that ingle has found out about a chat template.");
  }
}
