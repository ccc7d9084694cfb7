// A model that is known and not here is downloaded, where somebody at the terminal says so.
import { formatBytes } from "../../support/quantities.ts";
import { type Api, withApi } from "../api.ts";
import { isAgreed, isAttended } from "../ask.ts";
import { pull } from "../pull.ts";

/** `flags`: those of the command that name the data folder. Without somebody to answer, the first question is refused with a remedy. */
export async function offerPull(api: Pick<Api, "json">, id: string, flags: Record<string, unknown>): Promise<void> {
  if (!isAttended()) return;
  const path = `/v1/models/${encodeURIComponent(id)}?catalog=true`;
  const model = await api.json<{ state: string; metadata: { size?: number } }>(path).catch(() => undefined);
  if (model?.state !== "available") return;
  const { size } = model.metadata;
  if (!(await isAgreed(`${id} is not here. Download it${size ? `, ${formatBytes(size)}` : ""}?`))) return;
  await withApi(flags, { command: "pull" }, async (writing) => void (await pull(writing, id)));
}
