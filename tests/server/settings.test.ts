// Flags over the environment over the file over the defaults, and who is at fault when a value is no good.
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ConfigError } from "../../src/server/config-error.ts";
import { readConfig, sourceOptions } from "../../src/server/read-config.ts";
import { SETTING_NAMES } from "../../src/server/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "ingle-config-"));
let files = 0;

/** A configuration file with this content. */
function file(content: unknown): string {
  const path = join(folder, `${++files}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

// Never the file of whoever runs the tests.
const EMPTY = file({});
const read = (flags: object = {}, env: Record<string, string> = {}) => readConfig({ config: EMPTY, ...flags }, env);

function refusal(flags: object, env: Record<string, string> = {}): string {
  try {
    read(flags, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("It was accepted.");
}

test("every setting that needs one has a default", () => {
  expect(read({}, { XDG_DATA_HOME: "/data/home" })).toEqual({
    host: "127.0.0.1",
    port: 1337,
    data: "/data/home/ingle",
    store: "fs-durable",
    no_init: false,
    adapter: "auto",
    measure: true,
    slots: undefined,
    queue: 64,
    keep_alive: 300_000,
    kv_cache: 0,
    timeout: Infinity,
    pin: [],
    allow_private: false,
    download_hosts: [],
    downloads: 2,
    offline: false,
    body_limit: 10_485_760,
    key: [],
    origins: [],
    hosts: [],
    stream_default: false,
    trust_proxy: [],
    log_level: "info",
    insecure_no_auth: false,
  });
});

// A value of every setting: as a flag or in the environment, as it is in a file, and what becomes of it.
const SETTINGS: [name: string, text: string, other: string, json: unknown, value: unknown, otherValue: unknown][] = [
  ["host", "0.0.0.0", "::1", "0.0.0.0", "0.0.0.0", "::1"],
  ["port", "0", "65535", 0, 0, 65_535],
  ["data", "/tmp/a", "/tmp/b", "/tmp/a", "/tmp/a", "/tmp/b"],
  ["store", "memory", "redis://a", "memory", "memory", "redis://a"],
  ["no_init", "true", "0", true, true, false],
  ["model", "tiny", "org/big", "tiny", "tiny", "org/big"],
  ["adapter", "echo", "node-llama-cpp", "echo", "echo", "node-llama-cpp"],
  ["threads", "1", "8", 1, 1, 8],
  ["measure", "false", "true", false, false, true],
  ["context", "64", "4096", 64, 64, 4096],
  ["slots", "1", "256", 1, 1, 256],
  ["queue", "0", "5", 0, 0, 5],
  ["keep_alive", "30s", "-1", 30, 30_000, Infinity],
  ["timeout", "1.5s", "-1", 1.5, 1500, Infinity],
  ["memory", "8GB", "512MB", "8GB", 8e9, 512e6],
  ["kv_cache", "2GB", "0", "2GB", 2e9, 0],
  ["pin", "a,b", "c", ["a", "b"], ["a", "b"], ["c"]],
  ["allow_private", "true", "false", true, true, false],
  [
    "download_hosts",
    "mirror.lan,*.corp.example",
    "10.0.0.0/8",
    ["mirror.lan", "*.corp.example"],
    ["mirror.lan", "*.corp.example"],
    ["10.0.0.0/8"],
  ],
  ["downloads", "1", "64", 1, 1, 64],
  ["offline", "1", "0", true, true, false],
  ["models_dir", "/m", "/n", "/m", "/m", "/n"],
  ["body_limit", "50MB", "1048576", "50MB", 50e6, 2 ** 20],
  ["key", "a,b", "c", ["a", "b"], ["a", "b"], ["c"]],
  ["origins", "http://a", "*", ["http://a"], ["http://a"], ["*"]],
  ["hosts", "a.lan, b.lan ,", "c.lan", ["a.lan", "b.lan"], ["a.lan", "b.lan"], ["c.lan"]],
  ["stream_default", "true", "false", true, true, false],
  ["trust_proxy", "10.0.0.0/8,::1", "127.0.0.1", ["10.0.0.0/8", "::1"], ["10.0.0.0/8", "::1"], ["127.0.0.1"]],
  ["log_level", "warn", "debug", "warn", "warn", "debug"],
  ["log_format", "text", "json", "text", "text", "json"],
  ["insecure_no_auth", "1", "0", true, true, false],
];

describe("each setting", () => {
  test("is in the table", () => {
    const all = read({}, Object.fromEntries(SETTINGS.map(([name, text]) => [`INGLE_${name.toUpperCase()}`, text])));
    expect(Object.keys(all).toSorted()).toEqual(SETTINGS.map(([name]) => name).toSorted());
  });

  test.each(SETTINGS)("%s: flag over variable over file", (name, text, other, json, value, otherValue) => {
    const variable = `INGLE_${name.toUpperCase()}`;
    const config = file({ [name]: json });
    const of = (flags: object, env: Record<string, string> = {}) => (read(flags, env) as Record<string, unknown>)[name];
    expect(of({ config })).toEqual(value);
    expect(of({ config }, { [variable]: other })).toEqual(otherValue);
    expect(of({ config, [name]: text }, { [variable]: other })).toEqual(value);
    expect(of({ config, [name]: undefined }, { [variable]: "" })).toEqual(value);
  });

  test("false, zero and an empty list are values, not absence", () => {
    const config = file({ port: 1, queue: 7, stream_default: true, hosts: ["a.lan"] });
    const zeros = read({ config, port: "0", stream_default: false, hosts: "" }, { INGLE_QUEUE: "0" });
    expect(zeros).toMatchObject({ port: 0, queue: 0, stream_default: false, hosts: [] });
  });

  test("a flag that the command line has typed already is taken as it is", () => {
    expect(read({ insecure_no_auth: true }).insecure_no_auth).toBe(true);
  });

  test("the store may have options in the file", () => {
    const store = { driver: "redis", url: "redis://a", base: "b" };
    expect(read({ config: file({ store }) }).store).toEqual(store);
  });

  test("the data folder is absolute", () => {
    expect(read({ data: "models" }).data).toBe(resolve("models"));
  });
});

describe("a value that is no good names where it came from", () => {
  const BAD: [name: string, value: string][] = [
    ["host", ""],
    ["port", "65536"],
    ["port", "-1"],
    ["port", "80x"],
    ["port", "1e3"],
    ["port", "0x50"],
    ["data", ""],
    ["store", ""],
    ["no_init", "maybe"],
    ["model", ""],
    ["adapter", "llama"],
    ["threads", "0"],
    ["context", "63"],
    ["body_limit", "0MB"],
    ["body_limit", "999kB"],
    ["body_limit", "100MiB"],
    ["body_limit", "much"],
    ["slots", "0"],
    ["slots", "257"],
    ["slots", "1.5"],
    ["queue", "100001"],
    ["downloads", "0"],
    ["timeout", "soon"],
    ["allow_private", "sure"],
    ["offline", "maybe"],
    ["models_dir", ""],
    ["stream_default", "y"],
    ["insecure_no_auth", "maybe"],
    ["log_level", "loud"],
    ["log_format", "xml"],
  ];
  test.each(BAD)("%s %j", (name, value) => {
    const flag = `--${name.replaceAll("_", "-")}`;
    const problem = value === "" ? "has 0 characters." : `is ${/^\d+$/.test(value) ? value : JSON.stringify(value)}.`;
    expect(refusal({ [name]: value })).toStartWith(`${flag} ${problem} `);
    const variable = `INGLE_${name.toUpperCase()}`;
    // An empty variable is none.
    if (value !== "") expect(refusal({}, { [variable]: value })).toStartWith(`${variable} ${problem} `);
    const config = file({ [name]: value });
    expect(refusal({ config })).toStartWith(`"${name}" in ${config} ${problem} `);
    // The one that counts is the one at fault.
    expect(refusal({ config, [name]: value })).toStartWith(`${flag} `);
  });

  test.each([
    [{ slots: true }, "true"],
    [{ store: 5 }, "5"],
    [{ host: 5 }, "5"],
    [{ hosts: "" }, undefined],
    [{ origins: [5] }, "5"],
    [{ stream_default: null }, "null"],
    [{ port: 1.5 }, "1.5"],
  ])("the file's %j", (content, shown) => {
    const config = file(content);
    if (shown === undefined) return void expect(read({ config }).hosts).toEqual([]);
    expect(refusal({ config })).toStartWith(`"${Object.keys(content)[0]}" in ${config} is ${shown}. `);
  });
});

describe("what people write", () => {
  test.each<[name: string, text: string, value: unknown]>([
    ["offline", "yes", true],
    ["offline", "On", true],
    ["offline", "TRUE", true],
    ["allow_private", "no", false],
    ["stream_default", "OFF", false],
    ["port", " 8080\n", 8080],
    ["adapter", "echo\n", "echo"],
    ["keep_alive", "1h30m", 5_400_000],
    ["keep_alive", "1.5h", 5_400_000],
    ["keep_alive", "90s", 90_000],
    ["keep_alive", "1500ms", 1500],
    ["keep_alive", "2m0.5s", 120_500],
    ["keep_alive", "0s", 0],
    ["keep_alive", "-1m", Infinity],
    ["keep_alive", "-300", Infinity],
    ["timeout", "1m30s", 90_000],
    ["memory", "8G", 8e9],
    ["memory", "8g", 8e9],
    ["memory", "8 GB", 8e9],
    ["memory", "8Gi", 8 * 2 ** 30],
    ["memory", "8000000000", 8e9],
    ["kv_cache", "500M", 5e8],
    ["host", "[::1]", "[::1]"],
    ["host", "my-box.local", "my-box.local"],
    ["host", "LOCALHOST", "localhost"],
    ["hosts", "Bücher.example,例え.jp", ["xn--bcher-kva.example", "xn--r8jz45g.jp"]],
    ["origins", "https://Bücher.example:8443", ["https://xn--bcher-kva.example:8443"]],
    ["hosts", "My-Box.Local.,10.0.0.7,[fd00::1]", ["my-box.local", "10.0.0.7", "[fd00::1]"]],
    ["origins", "http://localhost:3000/", ["http://localhost:3000"]],
    ["origins", "HTTPS://Chat.Example.com:443", ["https://chat.example.com"]],
    ["origins", "http://[::1]:5173", ["http://[::1]:5173"]],
    ["origins", "app://obsidian.md,tauri://localhost", ["app://obsidian.md", "tauri://localhost"]],
    ["origins", "chrome-extension://abcdef/", ["chrome-extension://abcdef"]],
    ["origins", "*", ["*"]],
  ])("%s %j is understood", (name, text, value) => {
    expect(read({ [name]: text })).toMatchObject({ [name]: value });
    expect(read({}, { [`INGLE_${name.toUpperCase()}`]: text })).toMatchObject({ [name]: value });
  });

  test.each<[name: string, text: string, remedy: string]>([
    ["memory", "8", '"8GB"'],
    ["memory", "1024", '"8GB"'],
    ["memory", "80%", '"8GB"'],
    ["kv_cache", "2", '"2GB"'],
    ["keep_alive", "1h30", '"1h30m"'],
    ["keep_alive", "forever", "-1 never"],
    ["keep_alive", "--5", "-1 never"],
    ["host", "127.0.0.1:8080", "Write the address alone, 127.0.0.1, and the port as --port=8080 or INGLE_PORT=8080."],
    ["host", "[::1]:8080", "Write the address alone, [::1], and the port as --port=8080 or INGLE_PORT=8080."],
    ["host", "http://0.0.0.0:8080", "Write the address alone, 0.0.0.0, and the port as --port=8080 or INGLE_PORT=8080."],
    ["host", "https://localhost/", "Write the address alone, localhost."],
    ["host", "*", "Write 0.0.0.0 for every address"],
    ["host", "my box", "such as 127.0.0.1"],
    ["hosts", "mybox:1337", "Write the name alone, mybox."],
    ["hosts", "http://mybox.local:1337/v1", "Write the name alone, mybox.local."],
    ["hosts", "*.example.com", "Write each name, such as chat.example.com."],
    ["hosts", "*", "Write each name, such as chat.example.com."],
    ["hosts", "a.lan b.lan", "Write a name alone"],
    ["trust_proxy", "proxy.lan", "Write addresses or ranges of them, such as 127.0.0.1 or 10.0.0.0/8."],
    ["trust_proxy", "*", "Write addresses or ranges of them"],
    ["trust_proxy", "10.0.0.0/40", "Write addresses or ranges of them"],
    ["origins", "localhost:3000", "Write http://localhost:3000."],
    ["origins", "chat.example.com", "Write http://chat.example.com."],
    ["origins", "http://localhost:*", "as in http://localhost:3000."],
    ["origins", "http://localhost:3000/chat", "Write http://localhost:3000."],
    ["origins", "https://*.example.com", "Write each origin, such as http://localhost:3000"],
    ["origins", "null", "Write each origin, such as http://localhost:3000"],
    ["origins", "http://a:b@c", "Write each origin"],
  ])("%s %j is refused with what to write", (name, text, remedy) => {
    expect(refusal({ [name]: text })).toContain(remedy);
    expect(refusal({ [name]: text })).toStartWith(`--${name.replaceAll("_", "-")} is `);
    const config = file({ [name]: name.endsWith("s") ? text.split(",") : text });
    expect(refusal({ config })).toStartWith(`"${name}" in ${config} is `);
  });
});

describe("a list that was named and holds nothing", () => {
  test.each(["", ",", " ", " , ,"])("S-61: of keys is refused, since it would let everybody in: %j", (value) => {
    expect(refusal({ key: value })).toStartWith("--key holds no key.");
    // An empty variable is none.
    if (value !== "") expect(refusal({}, { INGLE_KEY: value })).toStartWith("INGLE_KEY holds no key.");
    const config = file({ key: value });
    expect(refusal({ config })).toStartWith(`"key" in ${config} holds no key.`);
  });
  test("of hosts of downloads is names, suffixes and ranges", () => {
    for (const host of ["https://a.lan", "a.lan:80", "a b", "*", "a.*", "10.0.0.0/33", "*.10.0.0.0/8", "[::1]"]) {
      const config = file({ download_hosts: ["ok.lan", host] });
      expect(refusal({ config })).toStartWith(`"download_hosts" in ${config} holds what is no host.`);
    }
    const good = ["a.lan", "*.a.lan", "gpu_box", "bücher.example", "10.0.0.0/8", "10.0.0.1", "fd00::/8", "::1"];
    expect(read({ config: file({ download_hosts: good }) })).toMatchObject({ download_hosts: good });
  });
  test("of origins or hosts lets nobody in", () => {
    expect(read({ origins: ",", hosts: "" })).toMatchObject({ origins: [], hosts: [] });
  });
  test("is no name of a host or a page", () => {
    for (const name of ["origins", "hosts", "key", "pin"]) {
      const config = file({ [name]: [""] });
      expect(refusal({ config })).toStartWith(`"${name}" in ${config} has 0 characters.`);
    }
  });
});

describe("the file", () => {
  test("may begin with a byte order mark, as editors of Windows write it", () => {
    expect(read({ config: file('\ufeff{"port": 7}') }).port).toBe(7);
  });

  test("in another encoding is refused", () => {
    const config = join(folder, "utf16.json");
    writeFileSync(config, Buffer.from('\ufeff{"port": 7}', "utf16le"));
    expect(refusal({ config })).toBe(`The configuration file ${config} is not UTF-8. Save it as UTF-8.`);
  });

  test.each([[{}], [{ driver: "" }], [{ driver: 5 }], [{ url: "redis://a" }], [[]]])(
    "with a store without a driver: %j",
    (store) => {
      const config = file({ store });
      expect(refusal({ config })).toBe(
        `"store" in ${config} names no driver. Write it as in {"driver": "redis", "url": "redis://127.0.0.1:6379/0"}.`,
      );
    },
  );

  test("may be named by INGLE_CONFIG, and by the flag before it", () => {
    const [one, two] = [file({ port: 1 }), file({ port: 2 })];
    expect(readConfig({}, { INGLE_CONFIG: one }).port).toBe(1);
    expect(readConfig({ config: two }, { INGLE_CONFIG: one }).port).toBe(2);
  });

  test("with a name that is none is refused, with the names that are", () => {
    const config = file({ port: 1, prot: 2 });
    const sentence = refusal({ config });
    expect(sentence).toStartWith(`The configuration file ${config} holds "prot"`);
    for (const [name] of SETTINGS) expect(sentence).toContain(name);
  });

  test.each(["{", "", "// port", "{'port':1}"])("%j is not JSON", (content) => {
    const config = file(content);
    expect(refusal({ config })).toStartWith(`The configuration file ${config} is not JSON: `);
  });

  test.each(["[]", "null", '"x"', "5"])("%s is not an object", (content) => {
    const config = file(content);
    expect(refusal({ config })).toBe(`The configuration file ${config} is not a JSON object.`);
  });

  test("that was named and is not there is refused", () => {
    const config = join(folder, "missing.json");
    expect(refusal({ config })).toStartWith(`The configuration file ${config} cannot be read: `);
    expect(refusal({ config: undefined }, { INGLE_CONFIG: config })).toContain(config);
    expect(refusal({ config: folder })).toStartWith(`The configuration file ${folder} cannot be read: `);
  });
});

test("where downloads come from is Hugging Face's own environment", () => {
  const none = { allow_private: false, offline: false };
  expect(sourceOptions({}, {})).toEqual(none);
  expect(sourceOptions({}, { HF_ENDPOINT: "", HF_TOKEN: "" })).toEqual(none);
  expect(sourceOptions({}, { HF_ENDPOINT: "https://mirror.example", HF_TOKEN: "hf_x" })).toEqual({
    ...none,
    hf_endpoint: "https://mirror.example",
    hf_token: "hf_x",
  });
  expect(sourceOptions({}, { HF_HUB_OFFLINE: "1" })).toMatchObject({ offline: true });
  expect(sourceOptions({ offline: true, allow_private: true }, {})).toEqual({ allow_private: true, offline: true });
});

describe("the hub's own settings", () => {
  test.each(["1", "true", "YES", "on", " 1\n"])("HF_HUB_OFFLINE=%j fetches nothing", (text) =>
    expect(sourceOptions({}, { HF_HUB_OFFLINE: text })).toMatchObject({ offline: true }),
  );
  test.each(["0", "false", "NO", "off", "", " "])("HF_HUB_OFFLINE=%j fetches", (text) =>
    expect(sourceOptions({}, { HF_HUB_OFFLINE: text })).toMatchObject({ offline: false }),
  );
  test.each([
    ["mirror.example", "https://mirror.example"],
    ["mirror.example:8443/hf/", "https://mirror.example:8443/hf"],
    ["http://10.0.0.7:8080/", "http://10.0.0.7:8080"],
    ["https://mirror.example\n", "https://mirror.example"],
  ])("HF_ENDPOINT=%j is a mirror", (text, hf_endpoint) =>
    expect(sourceOptions({}, { HF_ENDPOINT: text })).toMatchObject({ hf_endpoint }),
  );
  test("the token that was stored by logging in is that of the owner's commands, not of a server", () => {
    const home = mkdtempSync(join(tmpdir(), "ingle-hf-"));
    mkdirSync(join(home, "huggingface"));
    writeFileSync(join(home, "huggingface", "token"), "hf_stored\n");
    writeFileSync(join(home, "other"), "hf_other");
    const tokenIn = (env: Record<string, string>, for_owner = true) =>
      sourceOptions({}, { XDG_CACHE_HOME: home, ...env }, { for_owner }).hf_token;
    expect(tokenIn({})).toBe("hf_stored");
    expect(tokenIn({ XDG_CACHE_HOME: "/nowhere", HF_HOME: join(home, "huggingface") })).toBe("hf_stored");
    expect(tokenIn({ HF_TOKEN_PATH: join(home, "other") })).toBe("hf_other");
    expect(tokenIn({ HF_TOKEN: "hf_given" })).toBe("hf_given");
    expect(tokenIn({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).toBeUndefined();
    expect(tokenIn({ HF_HOME: "/nowhere" })).toBeUndefined();
    expect(tokenIn({}, false)).toBeUndefined();
  });
  test("HF_TOKEN may end in a line break, as files of secrets do", () =>
    expect(sourceOptions({}, { HF_TOKEN: "hf_x\n" })).toMatchObject({ hf_token: "hf_x" }));

  test.each([
    [{ HF_HUB_OFFLINE: "maybe" }, 'HF_HUB_OFFLINE is "maybe". Write 1 or 0.'],
    [{ HF_ENDPOINT: "ftp://mirror.example" }, "HF_ENDPOINT is no address of a hub."],
    [{ HF_ENDPOINT: "http://" }, "HF_ENDPOINT is no address of a hub."],
    [{ HF_ENDPOINT: "https://me:secret@mirror.example" }, "HF_ENDPOINT is no address of a hub."],
    [{ HF_TOKEN: "hf_x hf_y" }, "HF_TOKEN holds a space"],
    [{ HF_TOKEN: "hf_x\nhf_y" }, "HF_TOKEN holds a space"],
    [{ HF_TOKEN: "hf_ü" }, "HF_TOKEN holds a space"],
  ])("%j is refused, and no secret is quoted", (env, sentence) => {
    const read = () => sourceOptions({}, env as Record<string, string>);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(sentence);
    expect(read).not.toThrow(/secret|hf_[xyü]/);
  });
});

test("every setting is read by something", async () => {
  const root = join(import.meta.dirname, "../../src");
  const paths = [...new Bun.Glob("**/*.ts").scanSync({ cwd: root })].filter((path) => path !== join("server", "settings.ts"));
  const sources = (await Promise.all(paths.map((path) => Bun.file(join(root, path)).text()))).join("\n");
  const unread = SETTING_NAMES.filter((name) => !new RegExp(`\\b${name}\\b`).test(sources));
  expect(unread).toEqual([]);
});
