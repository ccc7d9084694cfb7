// `ingle doctor`: what this machine has, what is missing, and what mends it. Nothing is changed but, with `--bench`, what is known of the
// engines' speed; and nothing fetched.
import { defineCommand } from "citty";
import { cacheFolder } from "../../adapters/llama-server/build/cached-build.ts";
import manifest from "../../package.json" with { type: "json" };
import { readConfig } from "../server/read-config.ts";
import type { Config } from "../server/settings.ts";
import { CONFIG_ARG, settingArgs, settingsOf } from "./setting-args.ts";
import { checkAuto } from "./doctor/auto.ts";
import { compilers, engines, PROBE_MS } from "./doctor/engines.ts";
import { runCheck, type Check, type CheckOptions, type Finding } from "./doctor/finding.ts";
import { checkGraphics, checkMemory, checkPermissions, checkProcessor, checkRuntimes, checkSystem } from "./doctor/machine.ts";
import { checkBestModel, checkModels } from "./doctor/models.ts";
import { checkProxies } from "./doctor/proxies.ts";
import { checkCache, checkDataFolder, checkPort } from "./doctor/places.ts";
import { asCalled } from "./invocation.ts";
import { print } from "./print.ts";

export default defineCommand({
  args: {
    json: { type: "boolean", default: false, description: "One JSON object instead of lines" },
    bench: { type: "boolean", default: false, description: "Time the engines anew, of which auto takes the fastest" },
    ...settingArgs("host", "port", "data"),
    ...CONFIG_ARG,
  },
  async run({ args: { json, bench, ...flags } }) {
    const findings = (await runChecks(settingsOf(flags), bench)).map(inWordsOfCaller);
    const ok = findings.every(({ state }) => state !== "broken");
    await print(json ? JSON.stringify({ ok, findings }, null, 2) : formatFindings(findings));
    // A check that still hangs, as on a disk in the network, is not waited for.
    process.exit(ok ? process.exitCode : 1);
  },
});

/** Enough for the weights of some tens of types. */
const BENCH_MS = 1_200_000;

/** All checks run at once, but for the last; their findings come in this order. */
async function runChecks(flags: Record<string, unknown>, bench: boolean): Promise<Finding[]> {
  const [settings, config] = readSettings(flags);
  const checks: [about: string, Check, CheckOptions?][] = [
    ["ingle", () => checkSystem(manifest.version)],
    ["processor", checkProcessor],
    ["memory", checkMemory],
    ["graphics card", checkGraphics],
    ["runtimes", checkRuntimes],
    ["compilers", compilers],
    ["cache", () => checkCache(cacheFolder(process.env))],
    ["proxy", () => checkProxies(process.env)],
    ["settings", () => settings],
  ];
  if (config !== undefined) {
    checks.push(
      ["permissions", () => checkPermissions(config), { vital: true }],
      ["data folder", () => checkDataFolder(config), { vital: true }],
      ["models", () => checkModels(config)],
      ["model that fits", () => checkBestModel(config)],
      ["port", () => checkPort(config), { vital: true }],
    );
  }
  const others = Promise.all(checks.map((check) => runCheck(...check)));
  // Longer than the probe of an engine's own process may take.
  const found = config && (await runCheck("engines", () => engines(config), { vital: true, timeout_ms: 2 * PROBE_MS }));
  // The engines are timed when nothing else is being looked at.
  const findings = [...(await others).flat(), ...(found ?? [])];
  if (config === undefined || found === undefined) return findings;
  return [...findings, ...(await runCheck("auto", () => checkAuto(config, found, bench), { timeout_ms: BENCH_MS }))];
}

function inWordsOfCaller({ says, mend, ...finding }: Finding): Finding {
  return { ...finding, says: asCalled(says), ...(mend !== undefined && { mend: asCalled(mend) }) };
}

function readSettings(flags: Record<string, unknown>): [Finding, Config?] {
  try {
    return [{ about: "settings", state: "good", says: "can be used" }, readConfig(flags)];
  } catch (error) {
    return [{ about: "settings", state: "broken", says: (error as Error).message, mend: "ingle serve --help" }];
  }
}

const MARKS = { good: "ok", missing: "lacks", broken: "BROKEN" };

function formatFindings(findings: Finding[]): string {
  const width = Math.max(...findings.map(({ about }) => about.length));
  const lines = findings.flatMap(({ about, state, says, mend }) => [
    `${MARKS[state].padEnd(6)}  ${about.padEnd(width)}  ${says}`,
    ...(mend === undefined ? [] : [`${" ".repeat(width + 10)}mend it: ${mend}`]),
  ]);
  const broken = findings.filter(({ state }) => state === "broken").length;
  return [...lines, "", broken === 0 ? "ingle can work here." : `ingle cannot work here: ${broken} found.`].join("\n");
}
