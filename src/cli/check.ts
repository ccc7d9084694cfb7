import { join } from "node:path";
import { defineCommand } from "citty";
import { readConfig } from "../config.ts";
import { checkFolder, SET_ASIDE, type CheckReport, type Finding } from "../store/check.ts";
import { MARKER } from "../store/data-folder.ts";
import { disk } from "../store/files.ts";
import { holderOf, LOCK_FILE, LockedError, takeFolderLock } from "../store/folder-lock.ts";
import { setAside } from "../store/set-aside.ts";
import { DATA } from "./data-args.ts";
import { CliError } from "./error.ts";

export default defineCommand({
  meta: { name: "check", description: "Look for damaged, foreign and orphaned files in the data folder." },
  args: {
    fix: { type: "boolean", default: false, description: `Move what was found to "${SET_ASIDE}"; nothing is deleted` },
    json: { type: "boolean", default: false, description: "One JSON object instead of lines" },
    data: DATA.data,
    config: DATA.config,
  },
  async run({ args: { fix, json, ...settings } }) {
    const { data, store } = readConfig(settings);
    if (store !== "fs-durable")
      throw new CliError(`The records are not in ${data} but in another store, which has its own tools.`);
    if ((await disk.kind(join(data, MARKER))) === undefined) throw new CliError(`${data} is no data folder of ingle.`);
    const { report, moved } = fix ? await checkAndFix(data) : { report: await look(data), moved: [] };
    console.log(json ? JSON.stringify({ ...report, set_aside: moved }, null, 2) : inWords(report, moved));
    if (report.findings.length > moved.length) process.exitCode = 1;
  },
});

async function look(data: string): Promise<CheckReport> {
  return checkFolder(data, { in_use: (await holderOf(join(data, LOCK_FILE))) !== undefined });
}

async function checkAndFix(data: string): Promise<{ report: CheckReport; moved: string[] }> {
  const lock = await takeFolderLock(join(data, LOCK_FILE), { command: "check --fix" }).catch((error) => {
    throw error instanceof LockedError ? new CliError(`${error.message} Stop it first: --fix moves files.`) : error;
  });
  try {
    const report = await checkFolder(data, { in_use: false });
    const stamp = new Date().toISOString().replaceAll(":", "-");
    return { report, moved: await setAside(data, report.findings, stamp) };
  } finally {
    await lock.release();
  }
}

function inWords({ findings, sound }: CheckReport, moved: string[]): string {
  const line = ({ kind, path, reason }: Finding): string => {
    return `${kind}: ${path}: ${reason}${moved.includes(path) ? " Set aside." : ""}`;
  };
  const counts = Object.entries(sound).map(([name, count]) => `${count} ${name}`);
  const bad = findings.length === 0 ? "nothing is wrong" : `${findings.length} found, ${moved.length} set aside`;
  return [...findings.map(line), `${counts.join(", ")} are sound; ${bad}.`].join("\n");
}
