import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import manifest from "../../package.json" with { type: "json" };
import { consumer, type Consumer } from "../support/consumer.ts";
import { tinyModel } from "../support/models.ts";
import { run, RUNTIME, type Ended } from "../support/program.ts";
import { runtimes } from "../support/runtimes.ts";
import { HALVES, startScriptedUpstream, type ScriptedUpstream } from "../support/scripted-upstream.ts";
import { cleanEnv, eventually, startProgram, type Server } from "../support/server.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");
const RUNTIMES = runtimes();
const ON_NODE = { INGLE_RUNTIME: "node" };

/** What each program says when all went well. */
const SAID = { "embed.ts": "embedded", "parts.ts": "put together", "own-adapter.ts": "two counts 6 words." };
const PROGRAMS = ["embed.ts", "hono.ts", "model.ts", "own-adapter.ts"];
/** Examples that talk to a server, and what they say of an echo. */
const QUESTION = "What is the capital of France\\? Answer in one sentence\\.\n";
const WITH_SDKS: Record<string, RegExp> = {
  "openai-sdk.ts": new RegExp(`^${QUESTION}thread_\\w+ holds 2 messages\\.\n$`),
  "ai-sdk.ts": new RegExp(`^${QUESTION}10 tokens\\.\n$`),
  "langchain.ts": new RegExp(`^${QUESTION}$`),
};
/** Those that need a model that calls tools. */
const WITH_TOOLS = ["ai-sdk-tools.ts", "langchain-tools.ts"];

let project: Consumer;
beforeAll(async () => void (project = await consumer()), 120_000);
afterAll(() => project?.remove());

describe("the package", () => {
  test("holds what was built, its command and its papers, and nothing else", () => {
    const { files } = project.packed;
    const built = files.filter((path) => path.startsWith("dist/lib/"));
    expect(files.filter((path) => !built.includes(path)).toSorted()).toEqual([
      "LICENSE",
      "README.md",
      "package.json",
      "src/bin.mjs",
    ]);
    expect(
      built.filter((path) => !/^dist\/lib\/(src|adapters|models)\/[\w./-]+\.(js|mjs|json|d\.ts|d\.mts)$/.test(path)).toSorted(),
    ).toEqual(["dist/lib/deno.json", "dist/lib/package.json"]);
    for (const path of [
      "src/index.js",
      "src/index.d.ts",
      "src/storage/drivers/fs-durable/write-thread.js",
      "models/download/download-thread.js",
    ])
      expect(built).toContain(`dist/lib/${path}`);
    // Neither tests nor the tools of this repository.
    expect(built.filter((path) => /test|package\/|compile\//.test(path))).toEqual([]);
  });

  test("is small", () => {
    // A third of a megabyte is the page that shows the reference.
    expect(project.packed.size).toBeLessThan(900_000);
    expect(project.packed.unpacked).toBeLessThan(2_600_000);
  });

  test("names no folder of the machine that built it", async () => {
    for (const path of project.packed.files) expect(await readFile(join(project.ingle, path), "utf8")).not.toContain(ROOT);
  });
});

describe("a program that has it as a dependency", () => {
  const RESOLUTIONS = [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ];
  test.each(RESOLUTIONS)("has its types with every check on, the libraries' too: module %s, resolved as %s", async (...how) => {
    const [module, moduleResolution] = how;
    expect(await typeErrors({ module, moduleResolution }, PROGRAMS)).toBe("");
  });

  test("has the types of the parts and uses those of the SDKs, where the libraries' own, some of which fail, are left alone", async () => {
    expect(await typeErrors({ skipLibCheck: true }, ["parts.ts", ...Object.keys(WITH_SDKS), ...WITH_TOOLS])).toBe("");
  });

  test("is told of an option that does not exist", async () => {
    await writeFile(
      join(project.folder, "wrong.ts"),
      'import { openIngle } from "ingle";\nawait openIngle({ data: "x", slot: 1 });\n',
    );
    expect(await typeErrors({}, ["wrong.ts"])).toMatch(
      /wrong\.ts\(2,\d+\): error TS2\d+: .*'slot' does not exist in type 'IngleOptions'/,
    );
  });

  for (const { name, command, skip } of RUNTIMES) {
    for (const [file, said] of Object.entries(SAID)) {
      test.skipIf(skip !== undefined)(`${file} on ${name}${skip ? ` (${skip})` : ""}`, async () => {
        const data = await mkdtemp(join(project.folder, "data-"));
        const ended = await run([...ofConsumer(command), join(project.folder, file)], {
          cwd: project.folder,
          env: { DATA: data },
        });
        expect(ended).toMatchObject({ code: 0, stdout: `${said}\n` });
        // The log, where a program has not put it elsewhere.
        expect(ended.stderr.replaceAll(/^\{.*"level":"info".*\}\n/gm, "")).toBe("");
      });
    }
  }
});

describe("on a Node that is too old", () => {
  const NEEDED = manifest.engines.node.replace(">=", "");
  /** The Node of this machine, which says that it is another one. */
  const [node = ""] = RUNTIMES.find(({ name }) => name === "node")!.command;
  const onNode = (version: string, script: string) => {
    const pretended = `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${version}"})`;
    return run([node, "--import", pretended, "--input-type=module", "--eval", script], { cwd: project.folder });
  };

  test.skipIf(node === "").each(["ingle", "ingle/parts"])("importing %s says in one sentence which is needed", async (name) => {
    for (const version of ["20.20.2", "22.11.0"]) {
      const { code, stderr } = await onNode(version, `await import("${name}")`);
      expect(code).toBe(1);
      expect(stderr).toContain(`ingle needs Node ${NEEDED} or newer, and this is Node ${version} (`);
      expect(stderr).not.toContain("    at ");
    }
  });

  test.skipIf(node === "")("what package.json names is enough", async () => {
    for (const version of [`${NEEDED}.0`, "24.0.0"])
      expect(await onNode(version, 'await import("ingle"); console.log("here")')).toMatchObject({ code: 0, stdout: "here\n" });
  });
});

describe("a model that is a file", () => {
  test("is run by a process that the package starts", async () => {
    const [data, { path }] = await Promise.all([mkdtemp(join(project.folder, "data-")), tinyModel()]);
    const { command } = RUNTIME;
    const env = { DATA: data, MODEL: path };
    const ended = await run([...ofConsumer(command), join(project.folder, "model.ts")], { cwd: project.folder, env });
    expect(ended).toEqual({ code: 0, stdout: "computed\n", stderr: "" });
  });
});

describe("the example of a Hono application", () => {
  test("has the API under its prefix, behind its own sign-in", async () => {
    const { command } = RUNTIME;
    const data = await mkdtemp(join(project.folder, "data-"));
    const [binary = "", ...flags] = ofConsumer(command);
    const env = cleanEnv({ DATA: data, PORT: "0", TOKEN: "let-me-in" });
    const child = spawn(binary, [...flags, join(project.folder, "hono.ts")], { cwd: project.folder, env });
    const ended = new Promise((resolve) => child.on("close", resolve));
    try {
      let url: string | undefined;
      for await (const line of createInterface({ input: child.stdout })) if ((url = /^listening on (.*)$/.exec(line)?.[1])) break;
      const models = (headers: Record<string, string>) => fetch(`${url}/ai/v1/models`, { headers });
      expect((await models({})).status).toBe(401);
      const known = await models({ authorization: "Bearer let-me-in" });
      expect(((await known.json()) as { data: { id: string }[] }).data.map(({ id }) => id)).toEqual(["echo"]);
      // The guards hold behind the prefix too.
      const page = { authorization: "Bearer let-me-in", origin: "https://page.example" };
      expect((await models(page)).status).toBe(403);
    } finally {
      child.kill("SIGTERM");
    }
    expect(await ended).toBe(0);
  });
});

describe("its command", () => {
  let server: Server;
  let ingle: string[];
  beforeAll(async () => {
    ingle = ["node", join(project.ingle, "src/bin.mjs")];
    server = await startProgram(ingle, ["--adapter", "echo"], { env: ON_NODE });
  });
  afterAll(() => server?.stop());

  test("serves", async () => {
    const answer = await server.chat({ messages: [{ role: "user", content: "hello" }] });
    expect(((await answer.json()) as { choices: unknown[] }).choices).toHaveLength(1);
  });

  for (const { name, command, skip } of RUNTIMES) {
    for (const [file, says] of Object.entries(WITH_SDKS)) {
      test.skipIf(skip !== undefined)(`is what ${file} on ${name} talks to${skip ? ` (${skip})` : ""}`, async () => {
        const ended = await example(command, file, server.url, "echo");
        expect(ended.stderr).toBe("");
        expect(ended.stdout).toMatch(says);
      });
    }
  }

  describe("with a model that other servers run", () => {
    let upstream: ScriptedUpstream;
    let serving: Server;
    beforeAll(async () => {
      upstream = await startScriptedUpstream();
      const data = await mkdtemp(join(project.folder, "data-"));
      const added = await run([...ingle, "add", "scripted", "--base-url", upstream.url, "--data", data], { env: ON_NODE });
      expect(added).toMatchObject({ code: 0, stderr: "" });
      serving = await startProgram(ingle, [], { data, env: ON_NODE });
    });
    afterAll(async () => {
      upstream?.close();
      await serving?.stop();
    });

    for (const file of Object.keys(WITH_SDKS)) {
      test(`${file} prints what has come before the rest is there`, async () => {
        const goOn = upstream.hold();
        const [binary = "", ...words] = [...ofConsumer(RUNTIME.command), join(project.folder, file)];
        const env = cleanEnv({ INGLE_URL: serving.url, INGLE_MODEL: "scripted" });
        const child = spawn(binary, words, { cwd: project.folder, env, stdio: ["ignore", "pipe", "inherit"] });
        const ended = new Promise((resolve) => child.on("close", resolve));
        let printed = "";
        child.stdout.setEncoding("utf8").on("data", (piece) => (printed += piece));
        try {
          // Were anything on the way to wait for the whole answer, this would never be.
          await eventually("the first half is printed", () => printed === HALVES[0]);
          goOn();
          expect(await ended).toBe(0);
          expect(printed).toStartWith(HALVES.join(""));
        } finally {
          goOn();
          child.kill("SIGKILL");
        }
      });
    }

    for (const { name, command, skip } of RUNTIMES) {
      for (const file of WITH_TOOLS) {
        test.skipIf(skip !== undefined)(
          `${file} on ${name} has its tool called and answered for${skip ? ` (${skip})` : ""}`,
          async () => {
            const ended = await example(command, file, serving.url, "scripted");
            const stdout = `weather {"city":"Paris"}\nI was told: It is sunny in Paris.\n`;
            expect(ended).toEqual({ code: 0, stdout, stderr: "" });
          },
        );
      }
    }
  });

  test("says its version, without a word of an installation", async () => {
    const ended = await run([...ingle, "--version"], { cwd: project.folder });
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect(ended).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });
});

/** A program of its own has no configuration of ours. */
function ofConsumer(command: string[]): string[] {
  return command.filter((word) => !/^--config=.*deno\.json$/.test(word));
}

/** Runs an example against a server. */
function example(command: string[], file: string, url: string, model: string): Promise<Ended> {
  const env = { INGLE_URL: url, INGLE_MODEL: model };
  return run([...ofConsumer(command), join(project.folder, file)], { cwd: project.folder, env });
}

/** What the compiler says of some of the programs. */
async function typeErrors(options: object, files: string[]): Promise<string> {
  const path = join(project.folder, `tsconfig.${files[0]}.json`);
  await writeFile(path, JSON.stringify({ extends: "./tsconfig.json", compilerOptions: options, files, include: [] }));
  return (await run([process.execPath, TSC, "-p", path])).stdout;
}
