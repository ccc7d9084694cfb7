// The recipes of docs/proxies.md, in the real proxies.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makeCertificate } from "../support/certificate.ts";
import { freePort } from "../support/free-port.ts";
import { readPage } from "../support/pages.ts";
import { RUNTIME } from "../support/program.ts";
import { eventually, startServer, type Server } from "../support/server.ts";

const SLOW = 120_000;
const ROOT = join(import.meta.dirname, "../..");
const KEY = "sk-0123456789abcdef";
const NAME = "ai.example.com";

const recipes = readPage(ROOT, "docs/proxies.md").blocks.filter(({ language }) => language === "text");
const recipeOf = (word: string): string => recipes.find(({ text }) => text.includes(word))!.text;

interface Place {
  folder: string;
  port: number;
  upstream: string;
}

/** The recipe at a port of the test, before a server of the test. */
const PROXIES: Record<string, { version: string[]; start: (place: Place) => string[] }> = {
  nginx: {
    version: ["nginx", "-v"],
    start({ folder, port, upstream }) {
      const site = recipeOf("proxy_pass")
        .replace("listen 443 ssl", `listen 127.0.0.1:${port} ssl`)
        .replace("http://127.0.0.1:1337", upstream)
        .replace(/\/etc\/ssl\/\S+\.pem/, join(folder, "cert.pem"))
        .replace(/\/etc\/ssl\/\S+\.key/, join(folder, "key.pem"));
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (name) => `${name}_temp_path ${folder}/${name};`,
      );
      // Its workers keep large bodies in the folder of the test, which is root's alone where root runs the tests.
      const user = process.getuid?.() === 0 ? "user root; " : "";
      const main = `${user}daemon off; error_log stderr; pid ${folder}/pid; events {}`;
      writeFileSync(join(folder, "conf"), `${main} http { access_log off; ${temporary.join(" ")} ${site} }`);
      return ["nginx", "-p", folder, "-c", join(folder, "conf")];
    },
  },
  Caddy: {
    version: ["caddy", "version"],
    start({ folder, port, upstream }) {
      const site = recipeOf("reverse_proxy")
        .replace(NAME, `https://${NAME}:${port}`)
        .replace("{", `{\n  tls ${join(folder, "cert.pem")} ${join(folder, "key.pem")}`)
        .replace("127.0.0.1:1337", upstream);
      const path = join(folder, "Caddyfile");
      writeFileSync(path, `{\n  admin off\n  auto_https off\n}\n${site}`);
      return ["caddy", "run", "--adapter", "caddyfile", "--config", path];
    },
  },
};

for (const [name, { version, start }] of Object.entries(PROXIES)) {
  const [program = "", ...asking] = version;
  const skip = isThere(program, asking) ? "" : ` (skipped: there is no ${program})`;
  describe.skipIf(skip !== "")(`behind ${name}${skip}`, () => {
    let server: Server;
    let port: number;
    let stopProxy = (): void => {};
    const folder = mkdtempSync(join(tmpdir(), "ingle-proxy-"));

    beforeAll(async () => {
      if (makeCertificate(folder) === undefined) throw new Error("openssl is needed.");
      const flags = ["--adapter", "echo", `--hosts=${NAME}`, "--trust-proxy=127.0.0.1"];
      server = await startServer(RUNTIME, ["--port", "0", ...flags], { env: { INGLE_KEY: KEY } });
      port = await freePort();
      const [binary = "", ...words] = start({ folder, port, upstream: server.url });
      const env = { ...process.env, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
      const child = spawn(binary, words, { env, stdio: "ignore" });
      stopProxy = () => void child.kill("SIGTERM");
      await eventually("the proxy answers", () =>
        ask(port, "GET", "/health").then(
          () => true,
          () => false,
        ),
      );
    }, SLOW);
    afterAll(async () => {
      stopProxy();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test("a page of the own origin may call", async () => {
      const origin = `https://${NAME}:${port}`;
      const headers = { origin, "x-api-key": KEY };
      expect((await ask(port, "GET", "/v1/threads", { headers })).statusCode).toBe(200);
      const foreign = await ask(port, "GET", "/v1/threads", { headers: { ...headers, origin: "https://evil.com" } });
      expect(foreign.statusCode).toBe(403);
    });

    test("an address that the client writes itself is not believed", async () => {
      await ask(port, "GET", "/v1/threads?first", { headers: { "x-forwarded-for": "1.2.3.4", "x-api-key": "wrong" } });
      await server.says(/"status":401.*"address":"127\.0\.0\.2"/);
    });

    test("a body of 9 MiB arrives", async () => {
      const content = "x".repeat(9 * 2 ** 20);
      const body = JSON.stringify({ messages: [{ role: "user", content }] });
      const answer = await ask(port, "POST", "/v1/chat/completions", { body });
      expect(answer.statusCode).toBe(200);
      expect((await textOf(answer)).length).toBeGreaterThan(content.length);
    });

    test("events come one by one", async () => {
      const body = JSON.stringify({ stream: true, messages: [{ role: "user", content: "word ".repeat(500) }] });
      const answer = await ask(port, "POST", "/v1/chat/completions", { body });
      let pieces = 0;
      for await (const _ of answer) pieces++;
      expect([answer.statusCode, pieces > 5]).toEqual([200, true]);
    });
  });
}

function isThere(program: string, words: string[]): boolean {
  try {
    execFileSync(program, words, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function ask(port: number, method: string, path: string, { headers = {}, body = "" } = {}): Promise<IncomingMessage> {
  const all = { host: `${NAME}:${port}`, "x-api-key": KEY, ...(body && { "content-type": "application/json" }), ...headers };
  // The client is at another address than the proxy.
  const options: RequestOptions = {
    host: "127.0.0.1",
    localAddress: "127.0.0.2",
    port,
    servername: NAME,
    method,
    path,
    headers: all,
  };
  return new Promise((resolve, reject) => {
    const sent = httpsRequest({ ...options, rejectUnauthorized: false }, resolve);
    sent.on("error", reject).end(body);
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of answer) text += piece;
  return text;
}
