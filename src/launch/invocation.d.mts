export interface Call {
  env: Readonly<Record<string, string | undefined>>;
  /** The program of this process, and the file that it runs; no file for a single executable. */
  program: string;
  script: string | undefined;
  /** Undefined where it was removed. */
  cwd: string | undefined;
}
export declare function workingFolder(): string | undefined;
export declare function invocationOf(call: Call): string;
