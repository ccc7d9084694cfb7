#!/usr/bin/env node
// Starts ingle on the best runtime at hand. Plain JavaScript for Node 20 and newer: it runs before anything is installed.
import { existsSync, realpathSync } from "node:fs";
import { constants } from "node:os";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "./launch/install.mjs";
import { invocationOf, workingFolder } from "./launch/invocation.mjs";
import { NEEDED_NODE } from "./launch/node-version.mjs";
import { findRuntime, runtimeEnv, RUNTIMES } from "./launch/runtimes.mjs";

// `--script FILE` runs another of our own files the same way; the benchmarks use it. `--on RUNTIME` before it is for files that one alone can run.
const words = process.argv.slice(2);
const [named, args] = words[0] === "--on" ? [words[1], words.slice(2)] : [process.env["INGLE_RUNTIME"], words];
const script = args[0] === "--script" && args[1] ? resolve(args[1]) : fileURLToPath(new URL("./main.ts", import.meta.url));
const script_args = args[0] === "--script" ? args.slice(2) : args;

const chosen = namedRuntime(named);
const failed = install({ runtime: chosen });
if (failed) process.exit(failed);
if (args[0] !== "--script") leaveFolderOfPackage();
const { command, env } = chooseRuntime(chosen);
const called_as = invocationOf({ env: process.env, program: process.execPath, script: process.argv[1], cwd: workingFolder() });
start([...command, script, ...script_args], { ...process.env, ...env, INGLE_CALLED_AS: called_as });

/** npm runs a script in the folder of its package, but a path is meant from the folder in which it was typed. */
function leaveFolderOfPackage() {
  const { INIT_CWD, npm_package_json } = process.env;
  const root = fileURLToPath(new URL("..", import.meta.url));
  if (!INIT_CWD || !npm_package_json || !isSame(dirname(npm_package_json), root) || !isSame(process.cwd(), root)) return;
  try {
    process.chdir(INIT_CWD);
  } catch {
    // The folder may be gone, or closed to this user: then that of the package is as good as any.
  }
}

/**
 * @param {string} one
 * @param {string} other
 */
function isSame(one, other) {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

/** @param {string | undefined} name that of the only runtime that may be chosen */
function namedRuntime(name) {
  const runtime = RUNTIMES.find((known) => known === name);
  if (name && runtime === undefined) fail(`INGLE_RUNTIME is "${name}". Set it to bun, deno or node, or leave it unset.`);
  return runtime;
}

/** @param {import("./launch/runtimes.d.mts").RuntimeName | undefined} chosen */
function chooseRuntime(chosen) {
  const names = chosen ? [chosen] : RUNTIMES;
  for (const name of names) {
    const command = findRuntime(name);
    if (command) return { command, env: runtimeEnv(name) };
  }
  return fail(`No ${names.join(" or ")} was found that can run ingle. Install Bun, or Node ${NEEDED_NODE} or newer.`);
}

/**
 * @param {string[]} command
 * @param {NodeJS.ProcessEnv} env
 */
function start(command, env) {
  // Where this process can become the runtime, signals, exit code and process id need no care.
  if (process.execve && process.platform !== "win32") process.execve(/** @type {string} */ (command[0]), command, env);
  else void supervise(command, env);
}

/**
 * @param {string[]} command
 * @param {NodeJS.ProcessEnv} env
 */
async function supervise(command, env) {
  // Node takes as long for this module as for all of the launcher's own.
  const { spawn } = await import("node:child_process");
  const [binary = "", ...argv] = [...dieWithParent(), ...command];
  const child = spawn(binary, argv, { stdio: "inherit", env });
  // A terminal sends these two signals to the whole foreground group, and a second one would cut the grace of the server.
  const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of /** @type {const} */ (["SIGINT", "SIGHUP"])) process.on(signal, () => terminal || child.kill(signal));
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("error", (error) =>
    fail(`${binary} could not be started: ${error.message}. Set INGLE_RUNTIME to choose another runtime.`),
  );
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal ?? "SIGKILL"]));
}

// With setpriv, a killed launcher leaves no server behind. The setpriv of BusyBox lacks the option.
function dieWithParent() {
  const setpriv = "/usr/bin/setpriv";
  const usable = process.platform === "linux" && existsSync(setpriv) && realpathSync(setpriv).endsWith("/setpriv");
  return usable ? [setpriv, "--pdeathsig", "TERM", "--"] : [];
}

/**
 * @param {string} sentence
 * @returns {never}
 */
function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
