// Formats as regular expressions of whole texts. RFC 3339 (times), 5321 (addresses), 1123 (hosts), 3986 (URIs), 4291 (IPv6), 6901 (pointers).
import { parseRegex } from "./regex/parse.ts";
import type { Regex } from "./regex/regex.ts";
import { createWork } from "./regex/work.ts";

const DATE =
  "(?:\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))" +
  "|(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)";
const OFFSET = "(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
const FRACTION = "(?:\\.\\d{1,9})?";
// A leap second is written with its own offset, but only UTC's is a fixed text.
const TIME = `(?:(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d${FRACTION}${OFFSET}|23:59:60${FRACTION}[Zz])`;

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = `(?:${OCTET}\\.){3}${OCTET}`;
const H16 = "[0-9A-Fa-f]{1,4}";
const LS32 = `(?:${H16}:${H16}|${IPV4})`;
const IPV6 = `(?:${[
  `(?:${H16}:){6}${LS32}`,
  `::(?:${H16}:){5}${LS32}`,
  `(?:${H16})?::(?:${H16}:){4}${LS32}`,
  `(?:(?:${H16}:){0,1}${H16})?::(?:${H16}:){3}${LS32}`,
  `(?:(?:${H16}:){0,2}${H16})?::(?:${H16}:){2}${LS32}`,
  `(?:(?:${H16}:){0,3}${H16})?::${H16}:${LS32}`,
  `(?:(?:${H16}:){0,4}${H16})?::${LS32}`,
  `(?:(?:${H16}:){0,5}${H16})?::${H16}`,
  `(?:(?:${H16}:){0,6}${H16})?::`,
].join("|")})`;

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

/** `more`: characters beyond ASCII that internationalized forms take. */
function uri(more: string): { uri: string; reference: string } {
  const encoded = "%[0-9A-Fa-f]{2}";
  const plain = `A-Za-z0-9._~!$&'()*+,;=\\-${more}`;
  const pchar = `(?:[${plain}:@]|${encoded})`;
  const host = `(?:\\[(?:${IPV6}|v[0-9A-Fa-f]+\\.[A-Za-z0-9._~!$&'()*+,;=:\\-]+)\\]|(?:[${plain}]|${encoded})*)`;
  const authority = `(?:(?:[${plain}:]|${encoded})*@)?${host}(?::\\d*)?`;
  const slashed = `(?:/${pchar}*)*`;
  const absolute = `/(?:${pchar}+${slashed})?`;
  const tail = `(?:\\?(?:${pchar}|[/?])*)?(?:#(?:${pchar}|[/?])*)?`;
  const noColon = `(?:[${plain}@]|${encoded})+${slashed}`;
  const scheme = "[A-Za-z][A-Za-z0-9+.\\-]*";
  return {
    // A scheme alone is right too, but clients' own validators refuse it.
    uri: `${scheme}:(?://${authority}${slashed}|${absolute}|${pchar}+${slashed})${tail}`,
    reference: `(?:${scheme}:(?://${authority}${slashed}|${absolute}|${pchar}+${slashed})?|//${authority}${slashed}|${absolute}|${noColon})?${tail}`,
  };
}

const ASCII = uri("");
const INTERNATIONAL = uri(
  "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{1FFFD}\\u{20000}-\\u{2FFFD}\\u{30000}-\\u{3FFFD}",
);

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
  uri: ASCII.uri,
  "uri-reference": ASCII.reference,
  iri: INTERNATIONAL.uri,
  "iri-reference": INTERNATIONAL.reference,
  "uri-template": `(?:[!#$&(-;=?-\\[\\]_a-z~\\u00A0-\\uD7FF]|%[0-9A-Fa-f]{2}|\\{[+#./;?&=,!@|]?${TEMPLATE_NAME}(?:,${TEMPLATE_NAME})*\\})*`,
  "json-pointer": "(?:/(?:[^~/]|~[01])*)*",
  "relative-json-pointer": "(?:0|[1-9]\\d{0,8})(?:#|(?:/(?:[^~/]|~[01])*)*)",
};

/** A hint for whoever shows the value: it says nothing about texts. */
const BINDS_NOTHING = new Set(["password"]);

const known = new Map<string, Regex>();

/** Undefined for a format that is not known. */
export function formatRegex(format: string): Regex | "any" | undefined {
  if (BINDS_NOTHING.has(format)) return "any";
  if (!Object.hasOwn(FORMATS, format)) return undefined;
  const regex = known.get(format) ?? parseRegex(FORMATS[format]!, createWork());
  known.set(format, regex);
  return regex;
}
