// A unit of systemd: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html has each of its settings.
import { shellWords } from "../../support/shell-words.ts";
import { secretsComments, SERVICE_USER, SYSTEM_DATA, writeCommand, type ServiceSetup } from "./setup.ts";

export function systemdUnit(setup: ServiceSetup): string {
  const { command, env, writes, secrets, system, stop_s } = setup;
  const variables = Object.entries(env).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`);
  const comments = [...(system ? forSystem : forUser)(setup, shellWords(writes)), "", ...secretsComments(setup)];
  return [
    ...comments.map((line) => `# ${line}`.trimEnd()),
    "",
    "[Unit]",
    "Description=ingle, a local AI server",
    ...(system ? ["Wants=network-online.target", "After=network-online.target"] : []),
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${command.map(word).join(" ")}`,
    ...variables,
    `EnvironmentFile=-${escaped(secrets)}`,
    ...(system ? [`User=${SERVICE_USER}`, `Group=${SERVICE_USER}`] : []),
    "Restart=on-failure",
    "RestartSec=2",
    "# Settings that are wrong stay wrong.",
    "RestartPreventExitStatus=2",
    "# The server ends its engines itself; what is left after this time is killed.",
    "KillMode=mixed",
    `TimeoutStopSec=${stop_s}`,
    "UMask=0077",
    "",
    ...HARDENING,
    ...(system ? OF_SYSTEM : OF_USER),
    "ProtectSystem=strict",
    `ReadWritePaths=${writes.map(quoted).join(" ")}`,
    "PrivateTmp=yes",
    "",
    "[Install]",
    `WantedBy=${system ? "multi-user.target" : "default.target"}`,
  ].join("\n");
}

// MemoryDenyWriteExecute is left out since a JavaScript engine compiles, PrivateDevices since a graphics card is a device.
const HARDENING = [
  "NoNewPrivileges=yes",
  "LockPersonality=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
  "SystemCallArchitectures=native",
];

const OF_SYSTEM = [
  "CapabilityBoundingSet=",
  "ProtectHome=read-only",
  "ProtectClock=yes",
  "ProtectControlGroups=yes",
  "ProtectHostname=yes",
  "ProtectKernelLogs=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
  "RestrictNamespaces=yes",
];

const OF_USER = [
  "# Needs user namespaces: where the kernel denies them, the service ends with 217/USER. Take out this line and all below then.",
  "PrivateUsers=yes",
];

const forUser = (setup: ServiceSetup, folders: string): string[] => [
  "To install it for yourself:",
  `  mkdir -p -m 700 ${folders} ~/.config/systemd/user`,
  `  ${writeCommand(setup, "~/.config/systemd/user/ingle.service")}`,
  "  systemctl --user daemon-reload",
  "  systemctl --user enable --now ingle",
  "  loginctl enable-linger     # to have it run while you are logged out",
  "Its log: journalctl --user -u ingle",
];

const forSystem = (setup: ServiceSetup, folders: string): string[] => [
  "To install it for this machine, as root:",
  `  useradd --system --user-group --home-dir ${SYSTEM_DATA} --no-create-home --shell /usr/sbin/nologin ${SERVICE_USER}`,
  `  install -d -m 700 -o ${SERVICE_USER} -g ${SERVICE_USER} ${folders}`,
  `  ${writeCommand(setup, "/etc/systemd/system/ingle.service")}`,
  "  systemctl daemon-reload",
  "  systemctl enable --now ingle",
  `The program has to lie where the user "${SERVICE_USER}" may read it; for a graphics card, put that user into the group of its device.`,
  "Its log: journalctl -u ingle",
];

/** A word of the command line, in which systemd would take `$` for a variable. */
const word = (text: string): string => quoted(text.replaceAll("$", "$$$$"));

/** In quotes where a space or a quote would make several words of it. */
function quoted(text: string): string {
  const safe = escaped(text);
  return /^[^\s"'\\;]+$/.test(safe) ? safe : `"${safe.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** A `%` begins a specifier of systemd. */
const escaped = (text: string): string => text.replaceAll("%", "%%");
