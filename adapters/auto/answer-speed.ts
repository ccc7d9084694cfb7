// What a measurement says of the speed of other models. Each token of an answer takes all weights from memory once, which takes longer than all
// else: so an engine writes a model of twice the size half as fast.
import { quantOf } from "../../models/sources/quant.ts";
import type { Model } from "../../models/manifest.ts";
import type { SpeedRanking } from "./ranking.ts";
import { syntheticBytes } from "./synthetic-model.ts";

/**
 * Tokens a second of one answer by an engine that was timed; undefined where it was not, and where the size of the model or the type of its
 * weights is not known. `ranking`: of a weight type.
 */
export function answerSpeed(
  model: Pick<Model, "weight_type" | "files" | "metadata">,
  adapter: string,
  ranking: (weight_type: string) => SpeedRanking | undefined,
): number | undefined {
  const weight_type = model.weight_type ?? typeInName(model);
  if (weight_type === undefined || !model.metadata.size) return undefined;
  const timed = ranking(weight_type)?.engines.find((engine) => engine.adapter === adapter);
  const bytes = syntheticBytes(weight_type);
  return timed && bytes && (timed.decode * bytes) / model.metadata.size;
}

/** The type that most weights of a file are of by its name: `Q4_K_M` has the larger part in `Q4_K`. */
const typeInName = ({ files: [first] }: Pick<Model, "files">): string | undefined =>
  first && quantOf(first.name)?.replace(/(_K)_[SML]$/, "$1");
