// What is known of chat templates, by their digests: in memory, and in a file each, so that a template is rendered with samples once.
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import { folderIdOf } from "../../models/folder-id.ts";
import { templateFile } from "../../models/template-files.ts";
import type { KvCache } from "../load-options.ts";
import type { TemplateFacts } from "../prompts.ts";

export interface KeptFactsOptions extends Pick<KvCache, "within"> {
  /** Absolute path, made at the first write where the folder above it is there. */
  folder: string;
  /** The releases whose code renders the samples and reads them: others may find something else. */
  made_by: string;
  log: (line: string) => void;
}

export type KeptFacts = ReturnType<typeof createKeptFacts>;

interface FactsFile {
  made_by: string;
  facts: TemplateFacts;
  /** Of the two above, in hexadecimal digits: a file that was cut or changed is none. */
  sha256: string;
}

/** Templates in memory. */
const MOST = 200;
/** In characters: markers and texts of calls are short, unless a template is a trap. */
const LONGEST = 256 * 1024;

/** `options`: absent, nothing is written. */
export function createKeptFacts(options: KeptFactsOptions | undefined) {
  const known = new LRUCache<string, TemplateFacts>({ max: MOST });

  const read = async ({ folder, made_by }: KeptFactsOptions, template: string): Promise<TemplateFacts | undefined> => {
    const text = await readFile(join(folder, templateFile(template)), "utf8").catch(() => "");
    const file = parseFile(text);
    return file?.made_by === made_by ? file.facts : undefined;
  };

  const write = async ({ folder, within, made_by }: KeptFactsOptions, template: string, facts: TemplateFacts): Promise<void> => {
    const text = JSON.stringify({ made_by, facts, sha256: digestOf(made_by, facts) } satisfies FactsFile);
    if (text.length > LONGEST) return;
    if (within !== undefined && (await folderIdOf(within.folder)) !== within.id) return;
    await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await writeFile(join(folder, templateFile(template)), text, { mode: 0o600 });
  };

  return {
    /** Undefined where the same releases have not found it, or the file is damaged. */
    async get(template: string): Promise<TemplateFacts | undefined> {
      const facts = known.get(template) ?? (options && (await read(options, template)));
      if (facts !== undefined) known.set(template, facts);
      return facts;
    },
    /** Never throws: what cannot be written is found anew by the next server. What samples have ended the process for is in memory alone. */
    async put(template: string, facts: TemplateFacts): Promise<void> {
      known.set(template, facts);
      if (options === undefined || !facts.bounded) return;
      await write(options, template, facts).catch(({ message }: Error) =>
        options.log(`what a chat template can was not kept: ${message}`),
      );
    },
  };
}

function parseFile(text: string): FactsFile | undefined {
  try {
    const file = JSON.parse(text) as FactsFile;
    return file.sha256 === digestOf(file.made_by, file.facts) ? file : undefined;
  } catch {
    return undefined;
  }
}

function digestOf(made_by: string, facts: TemplateFacts): string {
  return createHash("sha256")
    .update(JSON.stringify([made_by, facts]))
    .digest("hex");
}
