// What a service manager has to know of the server, whichever manager it is.

export interface ServiceSetup {
  /** Program and words, all paths absolute. */
  command: string[];
  /** No secrets: whoever is on this machine can read it. */
  env: Record<string, string>;
  /** Folders that the server writes to, the data folder first. */
  writes: string[];
  /** The file with `NAME=value` lines that holds the secrets. */
  secrets: string;
  /** Variables of this terminal that the service will not have. */
  unseen: string[];
  /** For the whole machine, under a user of its own, instead of for the one who asks. */
  system: boolean;
  /** Seconds that the server may take to end. */
  stop_s: number;
  /** The words that this was asked with, for whoever is to write it to a file. */
  words: string[];
}

/** The user of a service for the whole machine. */
export const SERVICE_USER = "ingle";

/** Where such a service keeps things. */
export const SYSTEM_DATA = "/var/lib/ingle";
export const SYSTEM_CACHE = "/var/cache";

/** What to do before the first start, for the comments of a unit. */
export function secretsComments({ secrets, unseen }: ServiceSetup): string[] {
  const put = `Keys and tokens (INGLE_KEY, HF_TOKEN) belong into ${secrets}, mode 0600, NAME=value a line.`;
  return unseen.length === 0 ? [put] : [put, `This terminal has set ${unseen.join(", ")}, which the service does not see.`];
}

/** The command that writes the unit to `path`. */
export const writeCommand = ({ words: asked }: ServiceSetup, path: string): string => `ingle ${shellWords(asked)} > ${path}`;

/** As a shell reads them. */
export function shellWords(words: string[]): string {
  const quoted = (text: string): string => (/^[\w@+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  return words.map(quoted).join(" ");
}
