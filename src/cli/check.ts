import { join } from "node:path";
import { defineCommand } from "citty";
import { readConfig } from "../server/read-config.ts";
import { checkFolder, type CheckReport } from "../storage/check/check.ts";
import type { FolderFinding } from "../storage/check/folder.ts";
import { systemCodeOf } from "../../models/system-code.ts";
import { hasMarker } from "../storage/data-folder.ts";
import { chosenDriver } from "../storage/drivers.ts";
import { LOCK_FILE, SET_ASIDE } from "../storage/file-names.ts";
import { holderOf, takeFolderLock } from "../storage/lock/folder-lock.ts";
import { LockedError } from "../storage/lock/holder.ts";
import { isThreadRecord } from "../storage/check/recovered-thread.ts";
import { setAside } from "../storage/check/set-aside.ts";
import { CONFIG_ARG, settingArgs, settingsOf } from "./setting-args.ts";
import { CliError } from "./error.ts";
import { asCalled } from "./invocation.ts";
import { print, printNote } from "./print.ts";

export default defineCommand({
  args: {
    fix: { type: "boolean", default: false, description: `Move what was found to "${SET_ASIDE}"; nothing is deleted` },
    weights: { type: "boolean", default: false, description: "Read all files of models, and compare their sha256" },
    json: { type: "boolean", default: false, description: "One JSON object instead of lines" },
    ...settingArgs("data"),
    ...CONFIG_ARG,
  },
  async run({ args: { fix, weights, json, ...settings } }) {
    const { data, store } = readConfig(settingsOf(settings));
    if (chosenDriver(store).driver !== "fs-durable")
      throw new CliError(`The records are not in ${data} but in another store, which has its own tools.`);
    if (!(await hasMarker(data))) throw new CliError(`${data} is not a data folder of ingle.`);
    const onHash = weights ? noteHash : undefined;
    const { report, moved } = fix ? await checkAndFix(data, onHash) : { report: await reportOn(data, onHash), moved: [] };
    print(json ? JSON.stringify({ ...report, set_aside: moved }, null, 2) : asCalled(formatReport(report, moved)));
    if (report.findings.length > moved.length) process.exitCode = 1;
  },
});

type OnHash = ((model: string, file: string) => void) | undefined;

/** Gigabytes take a while. */
const noteHash: OnHash = (model, file) => printNote(`Reading ${file} of ${model} …`);

async function reportOn(data: string, onHash: OnHash): Promise<CheckReport> {
  return checkFolder(data, { in_use: (await holderOf(join(data, LOCK_FILE))) !== undefined, onHash });
}

async function checkAndFix(data: string, onHash: OnHash): Promise<{ report: CheckReport; moved: string[] }> {
  const lock = await takeFolderLock(join(data, LOCK_FILE), { command: "check --fix" }).catch((error) => {
    throw fixError(data, error);
  });
  try {
    const report = await checkFolder(data, { in_use: false, onHash });
    const moved = await setAside(data, report.findings, new Date().toISOString().replaceAll(":", "-"));
    return { report, moved };
  } catch (error) {
    throw fixError(data, error as NodeJS.ErrnoException);
  } finally {
    await lock.release();
  }
}

const WHY: Record<string, string> = {
  EROFS: "it is on a read-only disk",
  EACCES: "this user may not",
  ENOSPC: "its disk is full",
  EDQUOT: "its disk is full",
  EXDEV: `its folders and "${SET_ASIDE}" are on different disks`,
};

function fixError(data: string, error: NodeJS.ErrnoException): Error {
  if (error instanceof LockedError) return new CliError(`${error.message} Stop it first: --fix moves files.`);
  const why = WHY[systemCodeOf(error)];
  if (why === undefined) return error;
  return new CliError(`The data folder ${data} cannot be written to: ${why}. Nothing is lost; mend that and run this again.`);
}

function formatReport({ findings, sound }: CheckReport, moved: string[]): string {
  const aside = new Set(moved);
  const line = (finding: FolderFinding): string => {
    const { kind, path, reason } = finding;
    return `${kind}: ${path}: ${reason}${aside.has(path) ? ` Set aside.${whatStays(finding)}` : ""}`;
  };
  const counts = Object.entries(sound).map(([name, count]) => `${count} ${name}`);
  const bad = findings.length === 0 ? "nothing is wrong" : `${findings.length} found, ${moved.length} set aside`;
  return [...findings.map(line), `${counts.join(", ")} are sound; ${bad}.`].join("\n");
}

/** What moving a record has not moved. */
function whatStays(finding: FolderFinding): string {
  if (isThreadRecord(finding)) return " The thread has a new record, its messages stay.";
  if (finding.kind !== "damaged" || !/^(models|downloads)\//.test(finding.path)) return "";
  return ' What was downloaded stays: "ingle pull" with the name or address that it came from uses it again.';
}
