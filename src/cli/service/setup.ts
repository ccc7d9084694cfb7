import { shellWords } from "../../support/shell-words.ts";
import { asCalled } from "../invocation.ts";

/** What every service manager has to know of the server. */
export interface ServiceSetup {
  /** Program and words, all paths absolute. */
  command: string[];
  /** Without secrets: every user of the machine can read it. */
  env: Record<string, string>;
  /** Folders that the server writes to, the data folder first. */
  writes: string[];
  /** The file with `NAME=value` lines that holds the secrets. */
  secrets: string;
  /** Variables of this terminal that the service will not have. */
  unseen: string[];
  /** For the whole machine, under a user of its own, instead of for this user. */
  system: boolean;
  /** Seconds that the server may take to end. */
  stop_s: number;
  /** The words of this command line, which the comments of the unit repeat. */
  words: string[];
}

/** The user and the folders of a service for the whole machine. */
export const SERVICE_USER = "ingle";
export const SYSTEM_DATA = "/var/lib/ingle";
export const SYSTEM_CACHE = "/var/cache";

/** What to do before the first start, for the comments of a unit. */
export function secretsComments({ secrets, unseen }: ServiceSetup): string[] {
  const place = `Keys and tokens (INGLE_KEY, HF_TOKEN) belong into ${secrets}, mode 0600, NAME=value a line.`;
  return unseen.length === 0 ? [place] : [place, `This terminal has set ${unseen.join(", ")}, which the service does not see.`];
}

/** The command that writes the unit to `path`. */
export const writeCommand = ({ words }: ServiceSetup, path: string): string => asCalled(`ingle ${shellWords(words)} > ${path}`);
