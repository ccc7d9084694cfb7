// schemathesis: made-up requests by a document, right ones and wrong ones, and sequences of them.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What an accepted request may break of a document, and what may be refused that it allows. */
export const ALWAYS_EXCLUDED = [
  // A document bounds no text and no number: much of what it allows is refused, by name.
  "positive_data_acceptance",
];

/** For the reference of ingle. */
export const EXCLUDED_OF_REFERENCE = [
  ...ALWAYS_EXCLUDED,
  // What asks for nothing passes, such as any number that tunes a sampler which is off.
  "negative_data_rejection",
  // The id of a model may hold slashes: `DELETE /v1/models/x/start` deletes a model of that name.
  ...["unsupported_method", "allow_header_conformance"],
];

interface Run {
  /** An interpreter that has it. */
  python: string;
  /** A new one, for the document and what is noted. */
  folder: string;
  document: object;
  url: string;
  exclude: readonly string[];
  /** Further words of the command line. */
  flags: readonly string[];
}

/** Every check but those that are excluded, our own too. Answers what it prints, and the exit code: 0 where nothing was found. */
export async function runSchemathesis({ python, folder, document, url, exclude, flags }: Run) {
  const file = join(folder, "document.json");
  await writeFile(file, JSON.stringify(document));
  const always = ["--suppress-health-check", "all", "--continue-on-failure", "--no-color", "--seed", "1", "--url", url];
  const checks = ["--checks", "all", "--exclude-checks", exclude.join(",")];
  const env = {
    ...process.env,
    PYTHONPATH: import.meta.dirname,
    PYTHONDONTWRITEBYTECODE: "1",
    SCHEMATHESIS_HOOKS: "schemathesis_hooks",
  };
  return new Promise<{ code: number; report: string }>((resolve) =>
    execFile(
      python,
      ["-m", "schemathesis.cli", "run", file, ...checks, ...always, ...flags],
      { cwd: folder, env, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? 1), report: stdout + stderr }),
    ),
  );
}
