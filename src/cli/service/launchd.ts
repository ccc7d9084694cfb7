// A property list of launchd, which starts services on macOS; `man launchd.plist` has each of its keys.
import { homedir } from "node:os";
import { join } from "node:path";
import { shellWords } from "../../support/shell-words.ts";
import { secretsComments, SERVICE_USER, writeCommand, type ServiceSetup } from "./setup.ts";

const LABEL = "local.ingle";

// launchd has no counterpart of systemd's EnvironmentFile: a shell reads the file and becomes the server.
const WITH_SECRETS = 'set -a; [ ! -f "$0" ] || . "$0"; exec "$@"';

export function launchdPlist(setup: ServiceSetup): string {
  const log = setup.system ? "/var/log/ingle.log" : join(homedir(), "Library", "Logs", "ingle.log");
  const { command, env, secrets, system, stop_s } = setup;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    "<!--",
    // A comment of XML must not hold two hyphens in a row.
    ...comments(setup, log).map((line) => line.replaceAll(/-(?=-)/g, "- ")),
    "-->",
    '<plist version="1.0">',
    "<dict>",
    entry("Label", string(LABEL)),
    entry("ProgramArguments", array(["/bin/sh", "-c", WITH_SECRETS, secrets, ...command])),
    entry("EnvironmentVariables", dict(env)),
    ...(system ? [entry("UserName", string(SERVICE_USER))] : []),
    entry("RunAtLoad", "<true/>"),
    entry("KeepAlive", "<dict><key>SuccessfulExit</key><false/></dict>"),
    entry("ExitTimeOut", `<integer>${stop_s}</integer>`),
    entry("Umask", `<integer>${0o077}</integer>`),
    entry("StandardOutPath", string(log)),
    entry("StandardErrorPath", string(log)),
    "</dict>",
    "</plist>",
  ].join("\n");
}

function comments(setup: ServiceSetup, log: string): string[] {
  const { system, writes } = setup;
  const path = `${system ? "/Library/LaunchDaemons" : "~/Library/LaunchAgents"}/${LABEL}.plist`;
  return [
    system
      ? `To install it for this machine, as root, with a user "${SERVICE_USER}" made before:`
      : "To install it for yourself:",
    `  mkdir -p -m 700 ${shellWords(writes)}`,
    ...(system ? [`  chown ${SERVICE_USER} ${shellWords(writes)}`] : []),
    `  ${writeCommand(setup, path)}`,
    `  launchctl bootstrap ${system ? "system" : "gui/$(id -u)"} ${path}`,
    `Its log: ${log}`,
    "",
    ...secretsComments(setup),
  ];
}

const entry = (key: string, value: string): string => `  <key>${key}</key>\n  ${value}`;
const string = (text: string): string => `<string>${escaped(text)}</string>`;
const array = (texts: string[]): string => `<array>${texts.map(string).join("")}</array>`;

function dict(values: Record<string, string>): string {
  const entries = Object.entries(values).map(([name, value]) => `<key>${escaped(name)}</key>${string(value)}`);
  return `<dict>${entries.join("")}</dict>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
