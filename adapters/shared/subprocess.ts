// What adapters that run a process of their own have in common: what it finds in its environment, and what it prints.

// No key and no token ever goes to native code that reads strangers' files; NODE_OPTIONS would change what runs.
const PASSED_ON =
  /^(PATH|HOME|USERPROFILE|TMPDIR|TEMP|TMP|LANG|LC_ALL|SYSTEMROOT|WINDIR|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|DENO_DIR|(CUDA|NVIDIA|HIP|ROCR|VK|GGML|METAL|OMP|GOMP)_\w+)$/i;
const LONGEST_LINE = 2_000;

/** The part of the server's environment that a process of strangers' data may have. */
export function childEnvironment(env: Record<string, string | undefined>): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => PASSED_ON.test(entry[0]) && entry[1] !== undefined,
  );
  return Object.fromEntries(kept);
}

/** Hands on each line that holds something, cut to 2,000 characters; what comes without an end is handed on by then. */
export function forEachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let held = "";
  const tell = (line: string): void => {
    if (line.trim() !== "") onLine(line.slice(0, LONGEST_LINE).trimEnd());
  };
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (held + text).split("\n");
    held = lines.pop()!;
    lines.forEach(tell);
    if (held.length < LONGEST_LINE) return;
    tell(held);
    held = "";
  });
  stream.on("end", () => tell(held));
}

/** How a process ended, for a sentence. */
export function exitReason(code: number | null, signal: string | null): string {
  return signal === null ? `code ${code}` : `signal ${signal}`;
}
