// What all sources on the web have in common: each file has an address, and its bytes come from there over http(s).
// The transfer is imported at the first use: manifests need the schemas alone.
import type * as v from "valibot";
import { parseHttpUrl } from "./http-url.ts";
import type { DownloadOptions, SourceDriver, SourceSchema } from "./source.ts";

interface WebSource<Schema extends SourceSchema> extends Pick<SourceDriver<Schema>, "schema" | "describe" | "locate"> {
  addressOf(source: v.InferOutput<Schema>, options: DownloadOptions): string;
  /** What opens a file that the host answers 401 or 403 for, as a sentence. */
  denialHint?(source: v.InferOutput<Schema>, options: DownloadOptions): string;
}

export function webSource<Schema extends SourceSchema>(source: WebSource<Schema>): SourceDriver<Schema> {
  const { addressOf, denialHint, ...driver } = source;
  return {
    ...driver,
    async *fetch(source, transfer) {
      const { options } = transfer;
      const { fetchOverHttp } = await import("../download/http-transfer.ts");
      yield* fetchOverHttp(transfer, {
        url: parseHttpUrl(addressOf(source, options)),
        denial_hint: denialHint?.(source, options),
      });
    },
    async open(source, options, signal) {
      const { refusalOf, requestInTime } = await import("../download/http-request.ts");
      const url = parseHttpUrl(addressOf(source, options));
      const response = await requestInTime(url, { "accept-encoding": "identity" }, options, signal);
      const refusal = refusalOf(response, denialHint?.(source, options));
      if (refusal === undefined) return response;
      response.close();
      throw refusal;
    },
  };
}
