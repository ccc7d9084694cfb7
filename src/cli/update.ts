// `ingle update`: how this ingle is made a newer one, and with `--check` whether there is one. Nothing else of ingle ever asks.
import { existsSync } from "node:fs";
import { defineCommand } from "citty";
import manifest from "../../package.json" with { type: "json" };
import { OFFLINE, SourceError } from "../../models/download-errors.ts";
import { requestInTime } from "../../models/download/http-request.ts";
import { readText } from "../../models/download/read-text.ts";
import { CARRIED } from "../executable/carried.ts";
import { readConfig, sourceOptions } from "../server/read-config.ts";
import { CliError } from "./error.ts";
import { print } from "./print.ts";
import { CONFIG_ARG, settingArgs, settingsOf } from "./setting-args.ts";

const CHECK_MS = 30_000;
/** Characters: a line for each file. */
const LARGEST_SUMS = 100_000;

export default defineCommand({
  args: {
    check: { type: "boolean", default: false, description: "Ask the release at --from whether it is a newer one" },
    from: { type: "string", description: "Address of the files of a release, as install.sh takes it", valueHint: "URL" },
    ...settingArgs("allow_private", "download_hosts", "offline"),
    ...CONFIG_ARG,
  },
  async run({ args: { check, from, ...flags } }) {
    const here = `This is ingle ${manifest.version}.`;
    if (!check) return void print(`${here} ${howToUpdate(from)}`);
    if (from === undefined)
      throw new CliError('"--from" is missing. Name the address from which ingle was installed: --from https://…', 2);
    const options = sourceOptions(readConfig(settingsOf(flags)), undefined, { for_owner: true });
    if (options.offline) throw new CliError(OFFLINE);
    const found = versionIn(await readSums(from, options), from);
    print(
      isNewer(found, manifest.version)
        ? `ingle ${found} is there. ${here} ${howToUpdate(from)}`
        : `${here} ${from} has ${found}: nothing newer.`,
    );
  },
});

/** As this ingle came: as one file, as a clone, or as a package. */
function howToUpdate(from = "URL"): string {
  const place = "docs/installation.md says how to go back.";
  if (CARRIED !== undefined) return `Stop the server, and run the install.sh of the new release: sh install.sh ${from}. ${place}`;
  const is_clone = existsSync(new URL("../../package-lock.json", import.meta.url));
  return is_clone
    ? `Stop the server, run "git pull", and start it again: a start installs what has changed. ${place}`
    : `Stop the server, and install the new package with npm, as you have installed this one. ${place}`;
}

async function readSums(from: string, options: ReturnType<typeof sourceOptions>): Promise<string> {
  const address = `${from.replace(/\/$/, "")}/SHA256SUMS`;
  if (!URL.canParse(address))
    throw new CliError(`"--from" is "${from}". It must be an address such as https://example.com/ingle.`, 2);
  const url = new URL(address);
  try {
    const response = await requestInTime(url, {}, options, AbortSignal.timeout(CHECK_MS));
    try {
      if (response.status !== 200) throw new SourceError(`${url.href} answered ${response.status}.`);
      return (await readText(response, LARGEST_SUMS)) ?? "";
    } finally {
      response.close();
    }
  } catch (error) {
    throw error instanceof SourceError ? new CliError(error.message, 1, { cause: error }) : error;
  }
}

/** The version of a release by the name of its package. */
function versionIn(sums: string, from: string): string {
  const version = /^[0-9a-f]{64} {2}ingle-(\d+\.\d+\.\d+)\.tgz$/m.exec(sums)?.[1];
  if (version === undefined) throw new CliError(`${from} holds no release of ingle: its SHA256SUMS names no package.`);
  return version;
}

function isNewer(found: string, own: string): boolean {
  return found.localeCompare(own, "en", { numeric: true }) > 0;
}
