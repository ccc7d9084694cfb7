import { join } from "node:path";
import { defineCommand } from "citty";
import { readConfig } from "../server/read-config.ts";
import { checkFolder, SET_ASIDE, type CheckReport } from "../storage/check/check.ts";
import type { FolderFinding } from "../storage/check/folder.ts";
import { LOCK_FILE, MARKER } from "../storage/file-names.ts";
import { disk } from "../storage/drivers/fs-durable/file-system.ts";
import { holderOf, takeFolderLock } from "../storage/lock/folder-lock.ts";
import { LockedError } from "../storage/lock/holder.ts";
import { setAside } from "../storage/check/set-aside.ts";
import { CONFIG_ARG, settingArgs, settingsOf } from "./setting-args.ts";
import { CliError } from "./error.ts";
import { print } from "./print.ts";

export default defineCommand({
  meta: { name: "check", description: "Look for damaged, foreign and orphaned files in the data folder." },
  args: {
    fix: { type: "boolean", default: false, description: `Move what was found to "${SET_ASIDE}"; nothing is deleted` },
    json: { type: "boolean", default: false, description: "One JSON object instead of lines" },
    ...settingArgs("data"),
    ...CONFIG_ARG,
  },
  async run({ args: { fix, json, ...settings } }) {
    const { data, store } = readConfig(settingsOf(settings));
    if (store !== "fs-durable")
      throw new CliError(`The records are not in ${data} but in another store, which has its own tools.`);
    if ((await disk.kind(join(data, MARKER))) === undefined) throw new CliError(`${data} is not a data folder of ingle.`);
    const { report, moved } = fix ? await checkAndFix(data) : { report: await reportOn(data), moved: [] };
    print(json ? JSON.stringify({ ...report, set_aside: moved }, null, 2) : formatReport(report, moved));
    if (report.findings.length > moved.length) process.exitCode = 1;
  },
});

async function reportOn(data: string): Promise<CheckReport> {
  return checkFolder(data, { in_use: (await holderOf(join(data, LOCK_FILE))) !== undefined });
}

async function checkAndFix(data: string): Promise<{ report: CheckReport; moved: string[] }> {
  const lock = await takeFolderLock(join(data, LOCK_FILE), { command: "check --fix" }).catch((error) => {
    throw fixError(data, error);
  });
  try {
    return await fixAll(data);
  } finally {
    await lock.release();
  }
}

/** Repeats until nothing is left to move: without a damaged thread its messages are orphaned, without a model its weights. */
async function fixAll(data: string): Promise<{ report: CheckReport; moved: string[] }> {
  const stamp = new Date().toISOString().replaceAll(":", "-");
  const fixed: FolderFinding[] = [];
  for (let round = 1; ; round++) {
    const { findings, sound } = await checkFolder(data, { in_use: false });
    // Each round has a folder of its own: files of a folder that is moved now may have been moved before.
    const moved = new Set(await setAside(data, findings, round === 1 ? stamp : `${stamp}-${round}`));
    fixed.push(...findings.filter(({ path }) => moved.has(path)));
    if (moved.size === 0) return { report: { findings: [...fixed, ...findings], sound }, moved: fixed.map(({ path }) => path) };
  }
}

function fixError(data: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof LockedError) return new CliError(`${error.message} Stop it first: --fix moves files.`);
  const why = { EROFS: "it is on a read-only disk", EACCES: "this user may not", ENOSPC: "its disk is full" }[error.code ?? ""];
  return why === undefined ? error : new CliError(`The data folder ${data} cannot be written to: ${why}.`);
}

function formatReport({ findings, sound }: CheckReport, moved: string[]): string {
  const aside = new Set(moved);
  const line = ({ kind, path, reason }: FolderFinding): string =>
    `${kind}: ${path}: ${reason}${aside.has(path) ? " Set aside." : ""}`;
  const counts = Object.entries(sound).map(([name, count]) => `${count} ${name}`);
  const bad = findings.length === 0 ? "nothing is wrong" : `${findings.length} found, ${moved.length} set aside`;
  return [...findings.map(line), `${counts.join(", ")} are sound; ${bad}.`].join("\n");
}
