// Which model of the catalogue is to be pulled, where the command names none.
import { formatBytes } from "../support/quantities.ts";
import type { Api } from "./api.ts";
import { ask, isAttended } from "./ask.ts";
import { bestOf, type ModelChoice } from "./better-model.ts";
import { columns } from "./columns.ts";
import { CliError } from "./error.ts";
import { printNote } from "./print.ts";

interface OfferedModel extends ModelChoice {
  description: string;
}

/** Prints what there is and asks. Throws `CliError` where nobody is there to answer, and where the answer is none of them. */
export async function chooseModel(api: Pick<Api, "json">): Promise<string> {
  const { data } = await api.json<{ data: OfferedModel[] }>("/v1/models?catalog=true");
  const offered = data.filter(({ state }) => state === "available");
  const best = await bestOf(data);
  printNote(formatOffer(offered, best?.id));
  if (!isAttended()) throw new CliError('Which one? Name it, as in "ingle pull qwen3-4b".', 2);
  const usual = best && offered.some(({ id }) => id === best.id) ? best.id : undefined;
  const answer = await ask(`Which one?${usual === undefined ? "" : ` [${usual}]`} `);
  const chosen = answer === "" ? usual : (offered[Number(answer) - 1]?.id ?? answer);
  if (chosen !== undefined) return chosen;
  throw new CliError("Nothing is downloaded.", 2);
}

function formatOffer(offered: readonly OfferedModel[], best: string | undefined): string {
  return columns(
    offered.map(({ id, description, metadata: { size }, fit }, index) => [
      String(index + 1),
      id,
      size === undefined ? "?" : formatBytes(size),
      fit?.fits === false ? "too large for this memory" : id === best ? "the best for this memory" : firstClause(description),
    ]),
  );
}

/** What a model is, as far as it fits into a row. */
const firstClause = (description: string): string => description.split(/[:;.,] /)[0]!.replace(/\.$/, "");
