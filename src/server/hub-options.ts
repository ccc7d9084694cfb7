// The settings of Hugging Face's own tools, as people write them.
import type { DownloadOptions } from "../../models/sources/source.ts";
import { quote } from "../support/quote.ts";
import { ConfigError } from "./config-error.ts";
import { readSwitch } from "./switch-words.ts";

type HubOptions = Pick<DownloadOptions, "offline" | "hf_endpoint" | "hf_token">;

/** Throws `ConfigError` for a value that means nothing. */
export function hubOptions({ HF_HUB_OFFLINE, HF_ENDPOINT, HF_TOKEN }: Record<string, string | undefined>): HubOptions {
  return {
    offline: HF_HUB_OFFLINE?.trim() ? readOffline(HF_HUB_OFFLINE) : false,
    ...(HF_ENDPOINT?.trim() && { hf_endpoint: readEndpoint(HF_ENDPOINT) }),
    ...(HF_TOKEN?.trim() && { hf_token: readToken(HF_TOKEN) }),
  };
}

function readOffline(text: string): boolean {
  const offline = readSwitch(text.trim());
  if (offline === undefined) throw new ConfigError(`HF_HUB_OFFLINE is ${quote(text)}. Write 1 or 0.`);
  return offline;
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
function readToken(text: string): string {
  const token = text.trim();
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new ConfigError("HF_TOKEN holds a space or another character that no token has. Write the token alone.");
  return token;
}
