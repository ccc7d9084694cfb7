"""Runs a command in a terminal of its own: terminal.py STEPS COMMAND..., with STEPS a JSON list of [pattern, keys].

Each step waits until the pattern comes in what was printed since the last step, then types the keys. Prints, as JSON, the
whole output, how the command ended, and the pattern that never came, if there was one.
"""

import json
import os
import pty
import re
import select
import signal
import sys
import time

PATIENCE_S = 60

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)

output = b""


def read(timeout):
    """False at the end: Linux answers EIO when the last program of a terminal has gone."""
    global output
    if not select.select([terminal], [], [], timeout)[0]:
        return True
    try:
        data = os.read(terminal, 65536)
    except OSError:
        return False
    output += data
    return data != b""


seen, missing, alive = 0, None, True
for pattern, keys in steps:
    deadline = time.monotonic() + PATIENCE_S
    found = None
    while not found:
        found = re.compile(pattern.encode(), re.DOTALL).search(output, seen)
        if found or not alive or time.monotonic() > deadline:
            break
        alive = read(1)
    if not found:
        missing = pattern
        os.kill(pid, signal.SIGKILL)
        break
    seen = found.end()
    os.write(terminal, keys.encode())

deadline = time.monotonic() + PATIENCE_S
while alive and time.monotonic() < deadline:
    alive = read(1)
if alive:
    missing = missing or "the end"
    os.kill(pid, signal.SIGKILL)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({"output": output.decode("utf-8", "replace"), "code": code, "missing": missing}))
