// The environment, the output and the end of a process that an adapter runs.
import type { ChildProcess } from "node:child_process";

// Native code reads files of strangers: no key and no token may be in its environment. NODE_OPTIONS would change what runs.
const ALLOWED_VARIABLES =
  /^(PATH|HOME|USERPROFILE|TMPDIR|TEMP|TMP|LANG|LC_ALL|SYSTEMROOT|WINDIR|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|DENO_DIR|(CUDA|NVIDIA|HIP|ROCR|VK|GGML|METAL|OMP|GOMP)_\w+)$/i;
const MAX_LINE = 2_000;

/** The variables of the server's environment that such a process may have. */
export function childEnvironment(env: Record<string, string | undefined>): Record<string, string> {
  const allowed = Object.entries(env).filter(
    (entry): entry is [string, string] => ALLOWED_VARIABLES.test(entry[0]) && entry[1] !== undefined,
  );
  // Without it, an abort of ggml starts gdb where there is one, which takes seconds and writes to the standard output that carries messages.
  return { GGML_NO_BACKTRACE: "1", ...Object.fromEntries(allowed) };
}

/** Calls back with each line that is not blank, cut to 2,000 characters; a longer one comes in pieces. */
export function forEachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let pending = "";
  const emit = (line: string): void => {
    if (line.trim() !== "") onLine(line.slice(0, MAX_LINE).trimEnd());
  };
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (pending + text).split("\n");
    pending = lines.pop()!;
    lines.forEach(emit);
    if (pending.length < MAX_LINE) return;
    emit(pending);
    pending = "";
  });
  stream.on("end", () => emit(pending));
}

const LAST_LINES_MS = 200;

/** Calls back once when a process has ended and its last lines were read, which may come after its end. */
export function onEnd(child: ChildProcess, callback: (code: number | null, signal: string | null) => void): void {
  let ended = false;
  const end = (code: number | null, signal: string | null): void => {
    if (!ended) callback(code, signal);
    ended = true;
  };
  child.on("close", end);
  // `close` may never come: another process can hold the pipe.
  child.on("exit", (code, signal) => setTimeout(() => end(code, signal), LAST_LINES_MS));
}

/** How a process ended, for a sentence. */
export function exitReason(code: number | null, signal: string | null): string {
  return signal === null ? `code ${code}` : `signal ${signal}`;
}
