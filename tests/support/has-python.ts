// Whether `terminal.py` can run here.
import { execFileSync } from "node:child_process";

export function hasPython(): boolean {
  try {
    execFileSync("python3", ["-c", "import pty, os; os.waitstatus_to_exitcode"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
