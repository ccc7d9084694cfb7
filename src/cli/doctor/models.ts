// Check of the models of the data folder: whether their files are what they were, as far as that is known.
import type { Config } from "../../server/settings.ts";
import { hasMarker } from "../../storage/data-folder.ts";
import { connect } from "../api.ts";
import { findingsAbout, type Finding } from "./finding.ts";

export async function checkModels(config: Config): Promise<Finding[]> {
  const { good, missing } = findingsAbout("models");
  if (!(await hasMarker(config.data))) return [good("none yet")];
  const api = await connect(config, { command: "doctor", reads: true });
  try {
    const { data } = await api.json<{ data: { problem?: string }[] }>("/v1/models");
    const problems = data.flatMap(({ problem }) => problem ?? []);
    return problems.length === 0 ? [good(`nothing is wrong with ${data.length}`)] : problems.map((problem) => missing(problem));
  } finally {
    await api.close();
  }
}
