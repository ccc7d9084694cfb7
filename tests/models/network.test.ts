import { expect, test } from "bun:test";
import { proxyFor, proxyProblem, readProxies } from "../../models/network/proxies.ts";

const HTTP = { HTTPS_PROXY: "http://proxy:3128", HTTP_PROXY: "http://proxy:3128" };
const goesThrough = (url: string, no_proxy: string): boolean =>
  proxyFor(new URL(url), readProxies({ ...HTTP, NO_PROXY: no_proxy })) !== undefined;

test.each([
  ["https://a.example", "a.example"],
  ["https://A.example.", "a.EXAMPLE"],
  ["https://sub.a.example", "a.example"],
  ["https://sub.a.example", ".a.example"],
  ["https://a.example", ".a.example"],
  ["https://sub.a.example", "*.a.example"],
  ["https://a.example", "x, a.example ,y"],
  ["https://a.example", "x a.example"],
  ["https://a.example", "a.example."],
  ["https://a.example", "a.example:443"],
  ["http://a.example:8080", "a.example:8080"],
  ["https://b.example", "*"],
  ["https://10.1.2.3", "10.0.0.0/8"],
  ["https://10.1.2.3", "10.1.2.3"],
  ["https://10.1.2.3:8443", "10.1.2.3:8443"],
  ["https://[fd00::1]", "fd00::/8"],
  ["https://[fd00::1]", "fd00::1"],
  ["https://[fd00::1]", "[fd00::1]"],
  ["https://[fd00::1]:81", "[fd00::1]:81"],
  ["https://[::ffff:10.1.2.3]", "10.0.0.0/8"],
])("%s is dialled without a proxy where NO_PROXY is %j", (url, no_proxy) => {
  expect(goesThrough(url, no_proxy)).toBe(false);
});

test.each([
  ["https://a.example", ""],
  ["https://a.example", ","],
  ["https://ba.example", "a.example"],
  ["https://a.example.org", "a.example"],
  ["https://a.example", "a.example:80"],
  ["https://a.example", "*.b.example"],
  ["https://a.example", "."],
  ["https://a.example", "*."],
  ["https://a.example", ":443"],
  ["https://11.1.2.3", "10.0.0.0/8"],
  ["https://10.1.2.3", "10.0.0.0/99"],
  ["https://110.1.2.3", "10.1.2.3"],
  ["https://a.example", "10.0.0.0/8"],
])("%s goes through the proxy where NO_PROXY is %j", (url, no_proxy) => {
  expect(goesThrough(url, no_proxy)).toBe(true);
});

test.each([
  "http://127.0.0.1",
  "http://127.9.9.9:81",
  "http://localhost",
  "http://LOCALHOST.",
  "http://a.localhost",
  "http://[::1]",
])("%s is of this machine, and never goes through a proxy", (url) => expect(goesThrough(url, "")).toBe(false));
test.each(["http://[::ffff:127.0.0.1]", "http://0.0.0.0", "http://[::]", "http://2130706433"])("%s is too", (url) =>
  expect(goesThrough(url, "")).toBe(false),
);

test("each scheme has its variable, ALL_PROXY is for the others, and empty is none", () => {
  const via = (url: string, env: object) => proxyFor(new URL(url), readProxies({ ...env }))?.host;
  expect(via("http://a.example", { HTTPS_PROXY: "http://p" })).toBeUndefined();
  expect(via("https://a.example", { HTTP_PROXY: "http://p" })).toBeUndefined();
  expect(via("http://a.example", { HTTPS_PROXY: "http://p", ALL_PROXY: "q" })).toBe("q");
  expect(via("https://a.example", { https_proxy: " ", HTTPS_PROXY: "p:1" })).toBe("p");
  expect(via("https://a.example", { HTTPS_PROXY: "p:1", no_proxy: " ", NO_PROXY: "a.example" })).toBeUndefined();
  expect(via("https://a.example", { HTTPS_PROXY: "p:1", no_proxy: "b.example", NO_PROXY: "a.example" })).toBe("p");
  expect(readProxies({ HTTPS_PROXY: "", NO_PROXY: "*" })).toBeUndefined();
});

test("a user and password are percent-decoded, and appear in no label", () => {
  const login = (address: string) => {
    const proxy = proxyFor(new URL("https://a.example"), readProxies({ HTTPS_PROXY: address }))!;
    expect(proxy.label).toBe("http://p:3128 (HTTPS_PROXY)");
    return proxy.authorization && Buffer.from(proxy.authorization.slice(6), "base64").toString();
  };
  expect(login("http://p:3128")).toBeUndefined();
  expect(login("http://ann:p%40s%2Fs%C3%B6@p:3128")).toBe("ann:p@s/sö");
  expect(login("ann:a%zz@p:3128")).toBe("ann:a%zz");
  expect(login("http://ann@p:3128")).toBe("ann:");
  expect(login("http://ann:p@ss@p:3128")).toBe("ann:p@ss");
});

test.each(["socks5://u:secret@p:1", "ftp://u:secret@p", "http://u:sec#ret@p:1", "http://", "p:99999", "http://u:secret@"])(
  "%s is no proxy that can be used, and is not quoted",
  (address) => {
    const problem = proxyProblem(readProxies({ HTTPS_PROXY: address }));
    expect(problem).toStartWith("HTTPS_PROXY ");
    expect(problem).not.toMatch(/sec|ret@/);
    expect(() => proxyFor(new URL("https://a.example"), readProxies({ HTTPS_PROXY: address }))).toThrow(problem!);
  },
);
