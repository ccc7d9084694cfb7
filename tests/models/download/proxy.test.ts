// Downloads and requests to other servers behind a proxy, on every runtime: what goes through it, what does not, and what a failure is called.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { makeCertificate } from "../../support/certificate.ts";
import { type Hub, sha256, startHub } from "../../support/hub.ts";
import { run } from "../../support/program.ts";
import type { ProxiedJob } from "../../support/proxied-requests.ts";
import { type ProxyFault, startProxy, type TestProxy } from "../../support/proxy.ts";
import { startTlsDoor, type TlsDoor } from "../../support/tls-door.ts";
import { runtimes } from "../../support/runtimes.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const BYTES = tinyGguf();
// Beyond what is fetched in the calling thread, and enough for several connections.
const LARGE = Buffer.concat([BYTES, randomBytes(20 << 20)]);
const TEXT = Buffer.alloc(6 << 20, "x");
const folder = mkdtempSync(join(tmpdir(), "ingle-proxy-"));
const certificate = makeCertificate(folder);
const USER = "an:n@corp";
const PASSWORD = "p@ss/wörd%";
const login = `an%3An%40corp:${encodeURIComponent(PASSWORD)}`;
let hub: Hub;
let door: TlsDoor;
let proxy: TestProxy;
let guarded: TestProxy;
let secure: TestProxy;

beforeAll(async () => {
  hub = await startHub({
    "/a.gguf": BYTES,
    "/large.gguf": LARGE,
    "/owner/repo/resolve/main/a.gguf": BYTES,
    "/text": TEXT,
    "/v1/models": Buffer.from("{}"),
    "/away": BYTES,
    "/on": BYTES,
  });
  const port = Number(new URL(hub.url).port);
  door = await startTlsDoor(port, certificate);
  const to = { "http:": port, "https:": door.port };
  [proxy, guarded] = await Promise.all([startProxy({ to }), startProxy({ to, wants: `${USER}:${PASSWORD}` })]);
  secure = certificate ? await startProxy({ to, tls: certificate }) : proxy;
});
afterAll(() => {
  for (const each of [hub, door, proxy, guarded, secure]) each.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = ({ port }: TestProxy, login = ""): string => `http://${login && `${login}@`}127.0.0.1:${port}`;
const fileAt = (url: string, bytes: Uint8Array = BYTES) => ({ url, size: bytes.length, sha256: sha256(bytes) });
const FILE = fileAt("https://hub.example/a.gguf");
const refused = (message: string) => ({ code: "url_not_allowed", message: expect.stringContaining(message) });
const failed = (message: string) => ({ code: "download_failed", message: expect.stringContaining(message) });

interface Row {
  name: string;
  job: () => ProxiedJob;
  result: unknown;
  /** Of `proxy`: the lines that it was asked, without repeats. */
  lines?: string[];
  hub?: () => void;
}

const THROUGH = ["CONNECT hub.example:443"];
const env = () => ({ HTTPS_PROXY: at(proxy), HTTP_PROXY: at(proxy) });

const ROWS: Row[] = [
  { name: "HTTPS_PROXY", job: () => ({ env: { HTTPS_PROXY: at(proxy) }, file: FILE }), result: "done", lines: THROUGH },
  { name: "https_proxy", job: () => ({ env: { https_proxy: at(proxy) }, file: FILE }), result: "done", lines: THROUGH },
  { name: "ALL_PROXY", job: () => ({ env: { ALL_PROXY: at(proxy) }, file: FILE }), result: "done", lines: THROUGH },
  {
    name: "an address without a scheme",
    job: () => ({ env: { all_proxy: `127.0.0.1:${proxy.port}` }, file: FILE }),
    result: "done",
    lines: THROUGH,
  },
  {
    name: "the lower case wins, and a SOCKS proxy that is not needed is none of our business",
    job: () => ({
      env: { https_proxy: at(proxy), HTTPS_PROXY: "http://127.0.0.1:9", ALL_PROXY: "socks5://127.0.0.1:9" },
      file: FILE,
    }),
    result: "done",
    lines: THROUGH,
  },
  {
    name: "a large file by ranges, in a thread",
    job: () => ({
      env: env(),
      file: fileAt("https://hub.example/large.gguf", LARGE),
      options: {
        parallel: { from_bytes: 1 << 20, below_bytes_per_s: 1e9, after_ms: 50, segment_bytes: 1 << 20, connections: 3 },
      },
    }),
    result: "done",
    lines: THROUGH,
  },
  {
    name: "a listing",
    job: () => ({ env: env(), list: true, options: { hf_endpoint: "https://hub.example" } }),
    result: 1,
    lines: THROUGH,
  },
  {
    name: "plain http, with the whole address",
    job: () => ({ env: env(), file: fileAt("http://hub.example:8080/a.gguf"), options: { allow_private: true } }),
    result: "done",
    lines: ["GET http://hub.example:8080/a.gguf"],
  },
  {
    name: "a listing over plain http",
    job: () => ({ env: env(), list: true, options: { hf_endpoint: "http://hub.example" } }),
    result: 1,
    lines: ["GET http://hub.example/api/models/owner/repo/tree/main?recursive=true"],
  },
  {
    name: "another server",
    job: () => ({ env: env(), upstream: { url: "https://hub.example/v1/models" } }),
    result: "200 {}",
    lines: THROUGH,
  },
  {
    name: "another server over plain http",
    job: () => ({ env: env(), upstream: { url: "http://gpu.lan/v1/models", body: "{}", key: "k" } }),
    result: "200 {}",
    lines: ["POST http://gpu.lan/v1/models"],
  },
  {
    name: "this machine is asked directly",
    job: () => ({ env: env(), file: fileAt(`${hub.url}/a.gguf`), options: { allow_private: true } }),
    result: "done",
    lines: [],
  },
  {
    name: "another server of this machine",
    job: () => ({ env: env(), upstream: { url: `${hub.url}/v1/models` } }),
    result: "200 {}",
    lines: [],
  },
  {
    name: "a host of NO_PROXY is dialled",
    job: () => ({ env: { ...env(), NO_PROXY: "x.example, .example" }, file: FILE }),
    result: failed("hub.example could not be reached"),
    lines: [],
  },
  {
    name: "a host of NO_PROXY is judged by the address that it leads to",
    job: () => ({
      env: { ...env(), no_proxy: "localhost.localdomain,ip6-localhost" },
      file: fileAt("https://ip6-localhost/a.gguf"),
    }),
    result: { code: expect.any(String), message: expect.stringMatching(/ip6-localhost (leads to|could not be reached)/) },
    lines: [],
  },
  ...[
    "https://10.0.0.1/a.gguf",
    "https://[::ffff:10.0.0.1]/a.gguf",
    "https://169.254.169.254/a.gguf",
    "https://localhost/a.gguf",
  ].map((url): Row => ({
    name: `${url} is refused before the proxy is asked`,
    job: () => ({ env: env(), file: fileAt(url) }),
    result: refused("inside this machine or a private network"),
    lines: [],
  })),
  {
    name: "a redirect to a private address",
    hub: () => hub.set("/away", { kind: "redirect", to: "https://10.0.0.1/a.gguf" }),
    job: () => ({ env: env(), file: fileAt("https://hub.example/away") }),
    result: refused("--download-hosts 10.0.0.1 permits it"),
    lines: THROUGH,
  },
  {
    name: "a redirect to this machine",
    hub: () => hub.set("/away", { kind: "redirect", to: "https://127.0.0.1/a.gguf" }),
    job: () => ({ env: env(), file: fileAt("https://hub.example/away") }),
    result: refused("It redirects to 127.0.0.1"),
    lines: THROUGH,
  },
  {
    name: "a redirect to a private address that --download-hosts permits",
    hub: () => hub.set("/away", { kind: "redirect", to: "http://10.0.0.1:81/a.gguf" }),
    job: () => ({ env: env(), file: fileAt("http://mirror.lan/away"), options: { download_hosts: ["10.0.0.0/8", "*.lan"] } }),
    result: "done",
    lines: ["GET http://mirror.lan/away", "GET http://10.0.0.1:81/a.gguf"],
  },
  {
    name: "the environment names a SOCKS proxy",
    job: () => ({ env: { ALL_PROXY: "socks5h://u:secret@127.0.0.1:9" }, file: FILE }),
    result: failed("ALL_PROXY names a SOCKS proxy, which ingle does not use."),
    lines: [],
  },
  {
    name: "the environment names nonsense",
    job: () => ({ env: { HTTPS_PROXY: "http://u:sec#ret@proxy:80" }, file: FILE }),
    result: failed("HTTPS_PROXY is no address of a proxy."),
    lines: [],
  },
];

const FAULTS: [ProxyFault, says: string, tries: number][] = [
  [403, "answered 403 for hub.example:443", 1],
  [407, "does not let this server in (407)", 1],
  [502, "answered 502 for hub.example:443", 6],
  ["reset", "gave no tunnel to hub.example:443 (", 6],
  ["end", "gave no tunnel to hub.example:443 (", 6],
  ["garbage", "gave no tunnel to hub.example:443 (its answer is not HTTP)", 6],
];

for (const { name: runtime, command, skip } of runtimes()) {
  const script = join(import.meta.dirname, "../../support/proxied-requests.ts");
  const results = async (jobs: ProxiedJob[]): Promise<unknown[]> => {
    const variables = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"].map((name) => [name, "http://127.0.0.1:9"]);
    // Those of the process itself are not to be followed: what counts is read once.
    const env = { ...Object.fromEntries(variables), ...certificate!.env, NODE_USE_ENV_PROXY: "1" };
    const { stdout, stderr } = await run([...command, script], { stdin: JSON.stringify(jobs), env });
    if (stdout === "") throw new Error(stderr);
    return JSON.parse(stdout) as unknown[];
  };
  const why = skip ?? (certificate === undefined ? "no openssl" : undefined);

  test.skipIf(why !== undefined)(`what goes through a proxy, and what does not, on ${runtime}`, async () => {
    for (const { name, job, result, lines, hub: prepare } of ROWS) {
      prepare?.();
      proxy.asked.length = 0;
      const [got] = await results([job()]);
      expect({ name, got }).toEqual({ name, got: typeof result === "object" ? expect.objectContaining(result!) : result });
      expect({ name, lines: [...new Set(proxy.asked.map(({ line }) => line))] }).toEqual({ name, lines: lines! });
    }
  });

  test.skipIf(why !== undefined)(
    `a user and password are sent to the proxy alone, and shown to nobody, on ${runtime}`,
    async () => {
      guarded.asked.length = 0;
      hub.requests.length = 0;
      const own = { HTTPS_PROXY: at(guarded, login), HTTP_PROXY: at(guarded, login) };
      const wrong = { HTTPS_PROXY: at(guarded, "ann:topsecret"), HTTP_PROXY: at(guarded, "ann:topsecret") };
      const plain = { file: fileAt("http://hub.example/a.gguf"), options: { allow_private: true } };
      const upstream = { url: "http://gpu.lan/v1/models" };
      const jobs = [own, wrong].flatMap((env) => [
        { env, file: FILE },
        { env, ...plain },
        { env, upstream },
      ]);
      const got = await results(jobs);
      expect(got.slice(0, 3)).toEqual(["done", "done", "200 {}"]);
      expect(new Set(guarded.asked.slice(0, 3).map(({ credentials }) => credentials))).toEqual(new Set([`${USER}:${PASSWORD}`]));
      for (const error of got.slice(3))
        expect(error).toMatchObject({ message: expect.stringContaining("does not let this server in (407)") });
      expect(JSON.stringify(got)).not.toMatch(/topsecret|ann/);
      for (const { public_message } of got.slice(3) as { public_message: string }[])
        expect(public_message).not.toContain("127.0.0.1");
      for (const { headers } of hub.requests) expect(headers["proxy-authorization"]).toBeUndefined();
    },
  );

  test.skipIf(why !== undefined)(`a proxy that is asked over TLS, on ${runtime}`, async () => {
    secure.asked.length = 0;
    const proxy = at(secure).replace("http:", "https:");
    const env = { HTTPS_PROXY: proxy, HTTP_PROXY: proxy };
    const plain = { file: fileAt("http://hub.example/a.gguf"), options: { allow_private: true } };
    const upstream = { url: "https://hub.example/text" };
    const [one, other, text] = await results([
      { env, file: FILE },
      { env, ...plain },
      { env, upstream },
    ]);
    expect([one, other]).toEqual(["done", "done"]);
    // Whole, though it comes faster than it is read.
    expect(text).toBe(`200 ${TEXT.length} bytes`);
    expect(secure.asked.map(({ line }) => line)).toEqual([...THROUGH, "GET http://hub.example/a.gguf", ...THROUGH]);
  });

  test.skipIf(why !== undefined)(`a proxy that refuses says for how long, and by what it lets in, on ${runtime}`, async () => {
    const upstream = { url: "https://hub.example/v1/models" };
    const plain = { file: fileAt("http://hub.example/a.gguf"), options: { allow_private: true } };
    const refusedWith = async (status: number, header: string, jobs: Omit<ProxiedJob, "env">[], login = "") => {
      proxy.fail(status, Infinity, header);
      const env = { HTTPS_PROXY: at(proxy, login), HTTP_PROXY: at(proxy, login) };
      const got = await results(jobs.map((job) => ({ env, ...job })));
      proxy.fail(undefined);
      return got;
    };
    const [tunnel, other, direct] = await refusedWith(503, "Retry-After: 120", [{ file: FILE }, { upstream }, plain]);
    expect(tunnel).toMatchObject({ message: expect.stringContaining("answered 503 for hub.example:443"), retry_ms: 120_000 });
    expect(other).toMatchObject({ code: "engine_unavailable", retry_after: 120 });
    expect(direct).toMatchObject({ message: expect.stringContaining("It answered 503."), retry_ms: 120_000 });
    const says = async (header: string, login?: string): Promise<string[]> =>
      ((await refusedWith(407, header, [{ file: FILE }, { upstream }, plain], login)) as { message: string }[]).map(
        ({ message }) => message,
      );
    for (const message of await says("Proxy-Authenticate: NTLM")) expect(message).toContain("It asks for NTLM");
    for (const message of await says('Proxy-Authenticate: Basic realm="x"'))
      expect(message).toContain("Write a user and password into its address");
    for (const message of await says('Proxy-Authenticate: Negotiate, Basic realm="x"', "ann:topsecret")) {
      expect(message).toContain("Look at the user and password in its address");
      expect(message).not.toMatch(/topsecret|ann/);
    }
  });

  test.skipIf(why !== undefined)(`a proxy that fails is named, on ${runtime}`, async () => {
    for (const [fault, says] of FAULTS) {
      proxy.fail(fault);
      proxy.asked.length = 0;
      const [got, other] = await results([
        { env: env(), file: FILE },
        { env: env(), upstream: { url: "https://hub.example/v1/models" } },
      ]);
      expect({ fault, got }).toEqual({ fault, got: expect.objectContaining({ message: expect.stringContaining(says) }) });
      expect(other).toMatchObject({ code: "engine_unavailable", message: expect.stringContaining(says) });
      // What no waiting mends is not tried again.
      expect(proxy.asked.length > 2).toBe(![403, 407].includes(fault as number));
    }
    proxy.fail(502, 1);
    expect(await results([{ env: env(), file: FILE }])).toEqual(["done"]);
    proxy.fail("hang");
    const silent = await results([
      { env: env(), file: FILE, options: { connect_ms: 200, stall_ms: 200 } },
      { env: env(), upstream: { url: "https://hub.example/v1/models" } },
    ]);
    proxy.fail(undefined);
    expect(silent).toMatchObject([
      { message: expect.stringContaining("sent nothing for 0.2 seconds, through the proxy http://127.0.0.1:") },
      { message: "hub.example cannot be reached within 1 s, through a proxy." },
    ]);
    const gone = { HTTPS_PROXY: "http://127.0.0.1:9" };
    expect(await results([{ env: gone, file: FILE }])).toMatchObject([
      { message: expect.stringMatching(/The proxy http:\/\/127.0.0.1:9 \(HTTPS_PROXY\) cannot be reached \(/) },
    ]);
  });
}
