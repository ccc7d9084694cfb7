// What `npm test` runs. Every step runs even when an earlier one failed; the last line says what was counted.
// `npm test -- PATTERN` runs only those files of the main suite whose names contain PATTERN. With `--build-llama-server` one is built first
// where there is none, beside all that needs none.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { constants, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "../src/launch/install.mjs";
import { findRuntime } from "../src/launch/runtimes.mjs";

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Count
 * @typedef {{ code: number | null, output: string }} Ended
 * @typedef {{ name: string, command: string[] | undefined, required?: boolean, beside?: boolean, minutes: number, count: (output: string, code: number | null) => Count | undefined }} Step
 */

const BUILD = "--build-llama-server";
const root = fileURLToPath(new URL("..", import.meta.url));
// What the tests leave lying about goes with it.
const temporary = mkdtempSync(join(tmpdir(), "ingle-tests-"));
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }));
const pattern = process.argv.slice(2).find((argument) => argument !== BUILD) ?? "";
const builds = process.argv.includes(BUILD);
const SMOKE = "./tests/smoke.test.ts";
/** Files of the main suite at a time, each with globals of its own: most of them wait for servers that they have started. */
const FILES_AT_A_TIME = 3;

const suite = readdirSync(join(root, "tests"), { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".test.ts") && path !== "smoke.test.ts" && path.includes(pattern))
  .toSorted()
  .map((path) => `./tests/${path}`);

if (install({ dev: true }) !== 0) report({ passed: 0, failed: 1, skipped: 0 });
else if (pattern && suite.length === 0) {
  console.log(`No test file's name contains "${pattern}".`);
  report({ passed: 0, failed: 0, skipped: 0 });
} else report(await inOrder(pattern ? steps().filter(({ name }) => /^(?:tests|llama-server)\b/.test(name)) : steps()));

/**
 * To be asked for once everything is installed: the runtimes are packages too. The minutes are far beyond what a step needs: they
 * are for one that hangs. A step `beside` the others begins with the first one, on what they leave of the processors, and its turn waits
 * for its end.
 * @returns {Step[]}
 */
function steps() {
  const bun = findRuntime("bun");
  const node = findRuntime("node");
  const deno = findRuntime("deno");
  const bunTest = bun && [...bun, "test", "--timeout=120000"];
  return [
    { name: "types", command: tool("typescript/bin/tsc"), minutes: 5, count: asOne },
    { name: "lint", command: tool("oxlint/bin/oxlint"), minutes: 5, count: asOne },
    { name: "format", command: tool("oxfmt/bin/oxfmt", "--check"), minutes: 5, count: asOne },
    ...(builds ? testsBesideBuild(bunTest) : mainSuite("tests", bunTest, suite)),
    { name: "smoke test on Bun", command: bunTest && [...bunTest, SMOKE], minutes: 5, count: bunCount },
    { name: "smoke test on Deno", command: deno && denoTest(deno), minutes: 5, count: denoCount },
    {
      name: "smoke test on Node",
      command: node && [...node, "--test", "--test-reporter=tap", SMOKE],
      minutes: 5,
      count: nodeCount,
    },
  ];
}

/**
 * @param {string[] | undefined} bunTest
 * @returns {Step[]}
 */
function testsBesideBuild(bunTest) {
  const build = [process.execPath, join(root, "src/ingle.mjs"), "engine", "build", "llama-server"];
  return [
    ...mainSuite(
      "tests that need no llama-server",
      bunTest,
      suite.filter((path) => !needsBinary(path.slice(2))),
    ),
    { name: "llama-server", command: build, beside: true, minutes: 45, count: asOne },
    ...mainSuite(
      "tests with llama-server",
      bunTest,
      suite.filter((path) => needsBinary(path.slice(2))),
    ),
  ];
}

/**
 * Whether a file of the tests imports what finds the binary, itself or through others.
 * @param {string} path
 * @returns {boolean}
 */
function needsBinary(path, seen = new Set()) {
  if (path.endsWith("/support/llama-server-binary.ts")) return true;
  if (seen.has(path) || !path.startsWith("tests/")) return false;
  seen.add(path);
  const named = readFileSync(join(root, path), "utf8").matchAll(/^(?:import .*|\}) from "(\.[^"]+)";$/gm);
  return [...named].some(([, other = ""]) => needsBinary(join(path, "..", other).replaceAll("\\", "/"), seen));
}

/**
 * @param {string} name
 * @param {string[] | undefined} bunTest
 * @param {string[]} files
 * @returns {Step[]} none where there is no file: Bun would run all that it finds
 */
function mainSuite(name, bunTest, files) {
  const command = bunTest && [...bunTest, `--parallel=${FILES_AT_A_TIME}`, ...files];
  return files.length === 0 ? [] : [{ name, command, required: true, minutes: 45, count: bunCount }];
}

/** @param {Step[]} chosen */
async function inOrder(chosen) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const begun = new Map(chosen.filter(({ beside }) => beside).map((step) => [step, finished(step, { beside: true })]));
  for (const step of chosen) {
    const count = await run(step, begun.get(step));
    total.passed += count.passed;
    total.failed += count.failed;
    total.skipped += count.skipped;
  }
  return total;
}

/**
 * @param {Step} step
 * @param {Promise<Ended>} [begun] of a step that runs already: what it printed is printed at its end
 * @returns {Promise<Count>}
 */
async function run(step, begun) {
  const { name, command, required = false, count } = step;
  if (!command && required) {
    console.log(`\n=== ${name}: failed, as this machine has no such runtime`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  if (!command) {
    console.log(`\n=== ${name}: skipped, as this machine has no such runtime`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  console.log(`\n=== ${name}`);
  const start = performance.now();
  const { code, output } = await (begun ?? finished(step));
  if (begun) process.stdout.write(output);
  const counted = count(output, code);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const failed = counted && (counted.failed > 0 || code === 0) ? counted.failed : 1;
  console.log(`=== ${name}: ${failed ? "failed" : "passed"} after ${seconds} s${counted ? "" : ", without a count"}`);
  return { passed: 0, skipped: 0, ...counted, failed };
}

/**
 * @param {Step} step
 * @param {{ beside?: boolean }} [how] beside others: on what they leave of the processors, and without a word
 * @returns {Promise<Ended>}
 */
function finished({ command = [], minutes }, { beside = false } = {}) {
  const [binary = "", ...args] = command;
  return new Promise((resolve) => {
    // Colours would stand between the numbers.
    const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, TMPDIR: temporary };
    const child = spawn(binary, args, {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: minutes * 60_000,
      killSignal: "SIGKILL",
    });
    if (beside && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    let output = "";
    const print = (/** @type {string} */ text, /** @type {NodeJS.WriteStream} */ stream) => {
      output += text;
      if (!beside) stream.write(text);
    };
    child.stdout.setEncoding("utf8").on("data", (text) => print(text, process.stdout));
    child.stderr.setEncoding("utf8").on("data", (text) => print(text, process.stderr));
    child.on("error", ({ message }) => resolve({ code: 1, output: message }));
    // A second for what is still in the pipes: "close" would wait for any server that a test left behind.
    child.on("exit", (code) => setTimeout(() => resolve({ code, output }), 1000));
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** @param {string[]} args */
function tool(...[script = "", ...args]) {
  return [process.execPath, join(root, "node_modules", script), ...args];
}

/** @param {string[]} command */
function denoTest([binary = "", , ...flags]) {
  return [binary, "test", "--no-check", ...flags, SMOKE];
}

/**
 * @param {string} _output
 * @param {number | null} code
 */
function asOne(_output, code) {
  return code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

// " 12 pass", " 0 fail", " 1 skip", each on its line, what is zero may be missing; then "Ran 13 tests across 2 files."
/** @param {string} output */
function bunCount(output) {
  const passed = last(output, /^ *(\d+) pass$/gm);
  if (passed === undefined || !/^Ran \d+ tests? across/m.test(output)) return undefined;
  const skipped = (last(output, /^ *(\d+) skip$/gm) ?? 0) + (last(output, /^ *(\d+) todo$/gm) ?? 0);
  return { passed, failed: last(output, /^ *(\d+) fail$/gm) ?? 0, skipped };
}

// "ok | 5 passed | 0 failed | 1 ignored (1s)"
/** @param {string} output */
function denoCount(output) {
  const passed = last(output, /^(?:ok|FAILED) \| (\d+) passed/gm);
  if (passed === undefined) return undefined;
  return { passed, failed: last(output, /\| (\d+) failed/g) ?? 0, skipped: last(output, /\| (\d+) ignored/g) ?? 0 };
}

// "# pass 5", "# fail 0", "# cancelled 0", "# skipped 0", "# todo 0"
/** @param {string} output */
function nodeCount(output) {
  const [passed, failed = 0, cancelled = 0, skipped = 0, todo = 0] = ["pass", "fail", "cancelled", "skipped", "todo"].map(
    (word) => last(output, new RegExp(`^# ${word} (\\d+)$`, "gm")),
  );
  return passed === undefined ? undefined : { passed, failed: failed + cancelled, skipped: skipped + todo };
}

/**
 * The last one, as a test may print such lines itself.
 * @param {string} output
 * @param {RegExp} number
 */
function last(output, number) {
  const found = [...output.matchAll(number)].at(-1)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** @param {Count} count */
function report({ passed, failed, skipped }) {
  console.log(`\n${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
