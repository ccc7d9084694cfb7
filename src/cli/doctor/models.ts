// Checks of the models: whether the files of the data folder are what they were, as far as that is known; and whether a better one fits here.
import type { Config } from "../../server/settings.ts";
import { hasMarker } from "../../storage/data-folder.ts";
import { connect } from "../api.ts";
import { describeBest, findBestModel } from "../better-model.ts";
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

/** The best model of the catalogue for this memory. */
export async function checkBestModel(config: Config): Promise<Finding[]> {
  const { good, missing } = findingsAbout("model that fits");
  const api = await connect(config, { command: "doctor", reads: true });
  try {
    const best = await findBestModel(api);
    if (best === undefined) return [];
    const says = `${best.id}, ${describeBest(best)}`;
    return [
      best.has_other ? good(`${says}; you have one that writes`) : missing(`${says}, for real answers`, `ingle pull ${best.id}`),
    ];
  } finally {
    await api.close();
  }
}
