// Formats as regular expressions of whole texts. RFC 3339 (times), 4648 (base 64), 5321 (addresses), 1123 (hosts), 3986 (URIs), 4291 (IPv6), 6901 (pointers).
import { parseRegex } from "./regex/parse.ts";
import type { Regex } from "./regex/regex.ts";
import { createWork } from "./regex/work.ts";

/** Four digits, and not 0000: Python's years begin with 1. */
const YEAR = "(?:[1-9]\\d{3}|0[1-9]\\d\\d|00[1-9]\\d|000[1-9])";
const LEAP = "(?:0[48]|[2468][048]|[13579][26])";
const DATE =
  `(?:${YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))` +
  `|(?:\\d\\d${LEAP}|${LEAP}00)-02-29)`;
const OFFSET = "(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
/** A leap second is right too, but the dates of JavaScript and Python have none. */
const TIME = `(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?${OFFSET}`;

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = `(?:${OCTET}\\.){3}${OCTET}`;
const H16 = "[0-9A-Fa-f]{1,4}";
/** `end`: the last two groups. */
const ipv6 = (end: string): string =>
  `(?:${[
    `(?:${H16}:){6}${end}`,
    `::(?:${H16}:){5}${end}`,
    `(?:${H16})?::(?:${H16}:){4}${end}`,
    `(?:(?:${H16}:){0,1}${H16})?::(?:${H16}:){3}${end}`,
    `(?:(?:${H16}:){0,2}${H16})?::(?:${H16}:){2}${end}`,
    `(?:(?:${H16}:){0,3}${H16})?::${H16}:${end}`,
    `(?:(?:${H16}:){0,4}${H16})?::${end}`,
    `(?:(?:${H16}:){0,5}${H16})?::${H16}`,
    `(?:(?:${H16}:){0,6}${H16})?::`,
  ].join("|")})`;
const GROUPS = `${H16}:${H16}`;
const IPV6 = ipv6(`(?:${GROUPS}|${IPV4})`);

const CIDR4 = `${IPV4}/(?:[12]?\\d|3[0-2])`;
const CIDR6 = `${IPV6}/(?:[1-9]?\\d|1[01]\\d|12[0-8])`;

const BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?";

const ALNUM = "[A-Za-z0-9]";
const INNER = "[A-Za-z0-9-]";
/** Two hyphens in the third and fourth place are of encoded names, whose rules are beyond a grammar. */
const label = (longest: number): string =>
  `${ALNUM}(?:${ALNUM}|${INNER}${ALNUM}|${INNER}{2}${ALNUM}|${INNER}(?:${ALNUM}${INNER}|-${ALNUM})${INNER}{0,${longest - 5}}${ALNUM})?`;
/** All names of 253 characters would take 16,000 states: three long labels, or ten of up to 24. */
const HOSTNAME = `(?:${label(63)}(?:\\.${label(63)}){0,2}|${label(24)}(?:\\.${label(24)}){0,9})`;

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
/** The domain of an address has shorter labels than a host may have: counting up to 63 takes a tenth of a second. */
const DOMAIN = `${label(24)}(?:\\.${label(24)}){1,5}`;
/** A domain without a dot, one of numbers and a name in quotes are right too, but clients' own validators refuse them. */
const EMAIL = `${ATOM}(?:\\.${ATOM})*@${DOMAIN}`;

const SCHEME_END = "[A-Za-z0-9+.\\-]*";
/** All but "file", whose host has no port. */
const HOST_SCHEME = `(?:[A-EG-Za-eg-z]${SCHEME_END}|[Ff](?:[A-HJ-Za-hj-z0-9+.\\-]${SCHEME_END})?)`;
/** Web addresses, of http, ws and ftp, have a host. */
const PATH_SCHEME = `[A-EGI-VX-Za-egi-vx-z]${SCHEME_END}`;
/** Up to 65535, and most of what is below. */
const PORT = "(?:[1-5]\\d{0,4}|[6-9]\\d{0,3}|0)?";

/**
 * `more`: characters beyond ASCII that internationalized forms take; `letters`: those of hosts. A host may be empty, of any characters or end with
 * a number that is none of an address, but clients' own validators refuse that.
 */
function uri(more: string, letters: string): { uri: string; reference: string } {
  const encoded = "%[0-9A-Fa-f]{2}";
  const plain = `A-Za-z0-9._~!$&'()*+,;=\\-${more}`;
  const pchar = `(?:[${plain}:@]|${encoded})`;
  const alnum = `[A-Za-z0-9${letters}]`;
  // Two hyphens may begin an encoded name, whose rules are beyond a grammar.
  const name = `(?:${alnum}+(?:-${alnum}+)*\\.)*[A-Za-z${letters}]${alnum}*(?:-${alnum}+)*`;
  // Not every reader of addresses takes the last two groups as IPv4.
  const host = `(?:\\[${ipv6(GROUPS)}\\]|${IPV4}|${name})`;
  const authority = `(?:(?:[${plain}:]|${encoded})*@)?${host}(?::${PORT})?`;
  const slashed = `(?:/${pchar}*)*`;
  const absolute = `/(?:${pchar}+${slashed})?`;
  const tail = `(?:\\?(?:${pchar}|[/?])*)?(?:#(?:${pchar}|[/?])*)?`;
  const noColon = `(?:[${plain}@]|${encoded})+${slashed}`;
  // A scheme alone is right too, but clients' own validators refuse it.
  const hierarchy =
    `${HOST_SCHEME}://${authority}${slashed}|${PATH_SCHEME}:(?:${absolute}|${pchar}+${slashed})` +
    `|[Ff][Ii][Ll][Ee]://${host}?${absolute}`;
  return {
    uri: `(?:${hierarchy})${tail}`,
    reference: `(?:${hierarchy}|//${authority}${slashed}|${absolute}|${noColon})?${tail}`,
  };
}

const ASCII = uri("", "");
const INTERNATIONAL = uri(
  "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{1FFFD}\\u{20000}-\\u{2FFFD}\\u{30000}-\\u{3FFFD}",
  "\\u00DF-\\u00F6\\u00F8-\\u017E\\u0192\\u03B1-\\u03C9\\u0430-\\u044F\\u3041-\\u3096\\u30A1-\\u30FA\\u4E00-\\u9FA5\\uAC00-\\uD7A3",
);

const WEB_ADDRESS =
  "https?://(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\\.)*[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*(?:[/?](?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?";

/** Dots in a name are right too, but clients' own validators refuse them. */
const TEMPLATE_NAME = "(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})+(?::[1-9]\\d{0,3}|\\*)?";

const FORMATS: Record<string, string> = {
  date: DATE,
  time: TIME,
  "date-time": `${DATE}[Tt]${TIME}`,
  duration:
    "P(?:\\d{1,9}W|(?:\\d{1,9}Y(?:\\d{1,9}M(?:\\d{1,9}D)?)?|\\d{1,9}M(?:\\d{1,9}D)?|\\d{1,9}D)(?:T(?:\\d{1,9}H(?:\\d{1,9}M(?:\\d{1,9}S)?)?|\\d{1,9}M(?:\\d{1,9}S)?|\\d{1,9}S))?" +
    "|T(?:\\d{1,9}H(?:\\d{1,9}M(?:\\d{1,9}S)?)?|\\d{1,9}M(?:\\d{1,9}S)?|\\d{1,9}S))",
  email: EMAIL,
  hostname: HOSTNAME,
  ipv4: IPV4,
  ipv6: IPV6,
  uuid: "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
  ...Object.fromEntries(
    Array.from("12345678", (version) => [
      `uuid${version}`,
      `[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-${version}[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}`,
    ]),
  ),
  ipvanyaddress: `${IPV4}|${IPV6}`,
  cidrv4: CIDR4,
  cidrv6: CIDR6,
  ipv4interface: CIDR4,
  ipv6interface: CIDR6,
  ipvanyinterface: `${CIDR4}|${CIDR6}`,
  mac: "(?:[0-9A-F]{2}:){5}[0-9A-F]{2}|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}",
  base64: BASE64,
  byte: BASE64,
  // Padding is what some decoders insist on and others refuse: whole groups need none.
  base64url: "(?:[A-Za-z0-9_-]{4})*",
  hex: "[0-9A-Fa-f]*",
  e164: "\\+[1-9]\\d{6,14}",
  nanoid: "[A-Za-z0-9_-]{21}",
  cuid: "[Cc][0-9a-z]{6,}",
  cuid2: "[0-9a-z]+",
  ulid: "[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}",
  xid: "[0-9A-Va-v]{20}",
  ksuid: "[A-Za-z0-9]{27}",
  lowercase: "[^A-Z]*",
  uppercase: "[^a-z]*",
  url: ASCII.uri,
  uri: ASCII.uri,
  "uri-reference": ASCII.reference,
  iri: INTERNATIONAL.uri,
  "iri-reference": INTERNATIONAL.reference,
  "uri-template": `(?:[!#$&(-;=?-\\[\\]_a-z~\\u00A0-\\uD7FF]|%[0-9A-Fa-f]{2}|\\{[+#./;?&=,!@|]?${TEMPLATE_NAME}(?:,${TEMPLATE_NAME})*\\})*`,
  "json-pointer": "(?:/(?:[^~/]|~[01])*)*",
  "relative-json-pointer": "(?:0|[1-9]\\d{0,8})(?:#|(?:/(?:[^~/]|~[01])*)*)",
};

/** Hints for whoever shows or takes the value, names of a `pattern` beside them, and those of numbers: they say nothing about texts. */
const BINDS_NOTHING = new Set("password binary path starts_with ends_with includes float double".split(" "));

const SIZES = [8, 16, 32, 64];
/** Whole numbers of so many bits. */
const RANGES = new Map<string, { min: bigint; max: bigint }>(
  SIZES.flatMap((bits) => [
    [`int${bits}`, { min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n }],
    [`uint${bits}`, { min: 0n, max: 2n ** BigInt(bits) - 1n }],
  ]),
);

export const formatRange = (format: unknown): { min: bigint; max: bigint } | undefined => RANGES.get(format as string);

/** What of a format is written where the length is bounded: to count the characters of all of it takes too many states. */
const BOUNDED: Record<string, { format: string; longest: number }> = {
  email: { format: "[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\\.)+[A-Za-z]{2,}", longest: 64 },
  hostname: { format: "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?:\\.[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)*", longest: 63 },
  ...Object.fromEntries(
    ["uri", "url", "iri", "uri-reference", "iri-reference"].map((name) => [name, { format: WEB_ADDRESS, longest: 300 }]),
  ),
};

export interface BoundedRegex {
  regex: Regex;
  longest: number;
}

/** Undefined where the characters of the whole format can be counted. */
export function boundedRegex(format: string): BoundedRegex | undefined {
  if (!Object.hasOwn(BOUNDED, format)) return undefined;
  const { format: source, longest } = BOUNDED[format]!;
  return { regex: regexOf(source), longest };
}

const known = new Map<string, Regex>();

function regexOf(source: string): Regex {
  const regex = known.get(source) ?? parseRegex(source, createWork());
  known.set(source, regex);
  return regex;
}

/** Undefined for a format that is not known. */
export function formatRegex(format: string): Regex | "any" | undefined {
  if (BINDS_NOTHING.has(format) || RANGES.has(format)) return "any";
  return Object.hasOwn(FORMATS, format) ? regexOf(FORMATS[format]!) : undefined;
}
