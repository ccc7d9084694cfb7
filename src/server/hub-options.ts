// The settings of Hugging Face's own tools, as people write them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { absolutePath, homeFolder } from "../../models/absolute-path.ts";
import type { DownloadOptions } from "../../models/sources/source.ts";
import { quote } from "../support/quote.ts";
import { ConfigError } from "./config-error.ts";
import { readSwitch } from "./switch-words.ts";

type HubOptions = Pick<DownloadOptions, "offline" | "hf_endpoint" | "hf_token">;

export type Variables = Record<string, string | undefined>;

/**
 * With `for_owner`, also the token that `hf auth login` has stored: a server would lend it to whoever may call it. Throws `ConfigError` for a
 * value that means nothing.
 */
export function hubOptions(env: Variables, for_owner: boolean): HubOptions {
  const { HF_ENDPOINT, HF_TOKEN } = env;
  const hf_token = HF_TOKEN?.trim() ? readToken(HF_TOKEN, "HF_TOKEN") : for_owner ? storedToken(env) : undefined;
  return {
    offline: readHubSwitch(env, "HF_HUB_OFFLINE"),
    ...(HF_ENDPOINT?.trim() && { hf_endpoint: readEndpoint(HF_ENDPOINT) }),
    ...(hf_token !== undefined && { hf_token }),
  };
}

function readHubSwitch(env: Variables, name: "HF_HUB_OFFLINE" | "HF_HUB_DISABLE_IMPLICIT_TOKEN"): boolean {
  const word = env[name]?.trim();
  if (!word) return false;
  const value = readSwitch(word);
  if (value === undefined) throw new ConfigError(`${name} is ${quote(env[name])}. Write 1 or 0.`);
  return value;
}

/** Undefined where nobody has logged in, and where the file is not this user's to read. */
function storedToken(env: Variables): string | undefined {
  if (readHubSwitch(env, "HF_HUB_DISABLE_IMPLICIT_TOKEN")) return undefined;
  const { HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME } = env;
  const folder = HF_HOME || join(XDG_CACHE_HOME || join(homeFolder(), ".cache"), "huggingface");
  const path = absolutePath(HF_TOKEN_PATH || join(folder, "token"), HF_TOKEN_PATH ? "HF_TOKEN_PATH" : "HF_HOME");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  return text.trim() === "" ? undefined : readToken(text, path);
}

/** A mirror without its scheme is one of https. */
function readEndpoint(text: string): string {
  const written = text.trim();
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(written) ? written : `https://${written}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const usable = url && /^https?:$/.test(url.protocol) && url.username === "" && !/[?#]/.test(url.href);
  if (!usable)
    throw new ConfigError(`HF_ENDPOINT is no address of a hub. Write it as https://huggingface.co or https://mirror.example.`);
  return url.href.replace(/\/+$/, "");
}

/** What a header cannot carry would only fail in the middle of a download. The token is never quoted. */
function readToken(text: string, name: string): string {
  const token = text.trim();
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new ConfigError(`${name} holds a space or another character that no token has. Write the token alone.`);
  return token;
}
