// What all sources on the web have in common: each file has an address, and its bytes come from there over http(s).
// The transfer is imported at the first use: manifests need the schemas alone.
import type * as v from "valibot";
import type { DownloadOptions, SourceDriver, SourceSchema } from "./source.ts";

interface WebSource<Schema extends SourceSchema> extends Pick<SourceDriver<Schema>, "schema" | "describe" | "locate"> {
  /** Throws `SourceError` for an address that is not http(s). */
  urlOf(source: v.InferOutput<Schema>, options: DownloadOptions): URL;
  /** What opens a file that the host answers 401 or 403 for, as a sentence. */
  denialHint?(source: v.InferOutput<Schema>, options: DownloadOptions): string;
}

export function webSource<Schema extends SourceSchema>(source: WebSource<Schema>): SourceDriver<Schema> {
  const { urlOf, denialHint, ...driver } = source;
  return {
    ...driver,
    async *fetch(source, transfer) {
      const { options } = transfer;
      const { fetchOverHttp } = await import("../download/http-transfer.ts");
      yield* fetchOverHttp(transfer, { url: urlOf(source, options), denial_hint: denialHint?.(source, options) });
    },
    async open(source, options, signal) {
      const { refusalOf, requestUrl } = await import("../download/http-request.ts");
      const response = await requestUrl(urlOf(source, options), { "accept-encoding": "identity" }, options, signal);
      const refusal = refusalOf(response, denialHint?.(source, options));
      if (refusal === undefined) return response;
      response.close();
      throw refusal;
    },
  };
}
