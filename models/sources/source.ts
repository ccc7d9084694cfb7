// What a source of files can do. Each kind of source is a driver in a file of its own, and `registry.ts` lists them all.
import type * as v from "valibot";
import type { DialResponse, LocatedResponse } from "../download/dial.ts";
import type { Proxies } from "../network/proxies.ts";
import type { ExpectedFile, PartialFile } from "../download/partial-file.ts";
import type { ParallelOptions } from "../download/ranges.ts";

/** How a manifest writes a source down; the literal of `type` is the driver's name there. */
export type SourceSchema = v.ObjectSchema<v.ObjectEntries & { type: v.LiteralSchema<string, undefined> }, undefined>;

export interface SourceDriver<Schema extends SourceSchema = SourceSchema> {
  readonly schema: Schema;
  /** The source in words, for progress and messages. */
  describe(source: v.InferOutput<Schema>): string;
  /** Where people find it, for the API. */
  locate(source: v.InferOutput<Schema>): { url?: string; package?: string };
  /** Fills the part, all but the final check. Throws `SourceError`, and the signal's reason. */
  fetch(source: v.InferOutput<Schema>, transfer: FileTransfer): AsyncGenerator<TransferStep>;
  /** The file from its first byte on; missing where only a whole file can be had. Throws `SourceError`. */
  open?(source: v.InferOutput<Schema>, options: DownloadOptions, signal: AbortSignal): Promise<DialResponse | LocatedResponse>;
}

/** A file on its way from a source into its part. */
export interface FileTransfer {
  file: ExpectedFile;
  part: PartialFile;
  /** Absolute path that the file gets when it is whole. */
  target: string;
  options: DownloadOptions;
  signal: AbortSignal;
}

export type TransferStep = Omit<DownloadProgress, "source">;

/** One step of a download. */
export interface DownloadProgress {
  /** Where the bytes come from, in words. */
  source: string;
  /** Bytes of the file that are on disk. */
  bytes: number;
  /** Bytes of the whole file; absent while unknown. */
  total?: number;
  /** Bytes that an earlier download had left, on every step of a resumed one. */
  resumed_from?: number;
  /** Why the source before this one was given up, or why the whole file is fetched again. */
  problem?: string;
  /** The same for the owner, with the names and addresses that clients are not told. */
  owner_problem?: string;
  /** No byte comes yet: the source is asked which files the model has. */
  listing?: true;
  /** No byte comes now: those that are here are checked, which takes as long as the disk takes. */
  checking?: true;
}

export const HUGGING_FACE = "https://huggingface.co";

/** Milliseconds that a person waits for what a model consists of. */
export const LISTING_MS = 30_000;

/** Settings of downloads; the environment is not read here. */
export interface DownloadOptions {
  /** Base address of Hugging Face or of a mirror, which may be plain http. Default `https://huggingface.co`. */
  hf_endpoint?: string;
  /** Sent to the host of `hf_endpoint` and to no other. */
  hf_token?: string;
  /**
   * Permits plain http and addresses inside this machine or its network where the user typed them: for the address of a source and
   * redirects that stay on its host. What `hf_endpoint` names counts as typed without it.
   */
  allow_private?: boolean;
  /** Names, `*.suffix` and ranges of addresses that are permitted beyond public https, behind redirects too. */
  download_hosts?: readonly string[];
  /** The proxies on the way; absent: every address is dialled directly. */
  proxies?: Proxies;
  /** Sources that need the network are not used. */
  offline?: boolean;
  /** Fetches a file also where one of its length is there, which is replaced when the new one is whole. */
  replace?: boolean;
  /** In place of connections that check each address they lead to; here only the URL is checked. For tests. */
  fetch?: (url: URL, init: RequestInit) => Promise<Response>;
  /** In place of the drivers of `registry.ts`. For tests. */
  drivers?: readonly SourceDriver[];
  /** Commands that run pip, tried in order until one exists. */
  pip?: string[][];
  /** Milliseconds until a connection has to answer, while nothing has come from the source yet. Default 10,000. */
  connect_ms?: number;
  /** Milliseconds without a byte after which a connection is given up. Default 30,000. */
  stall_ms?: number;
  /** Milliseconds that a list of files may take, all its pages together; with a header, where that is waited for. Default `LISTING_MS`. */
  listing_ms?: number;
  /** The file is one of several that have to be of one version: it is asked for again where nothing here proves that. */
  one_of_several?: boolean;
  /** When further connections are opened for a file that comes slowly over one. */
  parallel?: Partial<ParallelOptions>;
  /** Waits before another try. Default: a timer. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Bytes that may still be written to the disk of a folder. Default: what the system says. */
  free?: (folder: string) => Promise<number>;
}
