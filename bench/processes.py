"""Runs the programs of a row: peers that stay and answer measurements, and programs that run once."""
import json
import os
import select
import subprocess
import tempfile
import time

# Large blocks are taken from the heap and never given back: with the defaults, PyTorch's steps return their
# activations to the system and fault them in again, at random, which costs up to four times their time.
MALLOC = {
    "MALLOC_TRIM_THRESHOLD_": "4000000000",
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TOP_PAD_": "268435456",
}
# They choose slower kernels than the processor's own.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


class Failed(Exception):
    """A side could not be measured; the text says why."""


def environment(extra=()):
    env = {name: value for name, value in os.environ.items() if name not in UNSET}
    env.update(extra)
    return env


def last_words(text, most=200):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:most] if lines else "it said nothing"


class Worker:
    """A peer that prepared a step and measures it on demand."""

    def __init__(self, command, env, start_seconds):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        try:
            self.version = self.read(start_seconds)["version"]
        except Failed:
            self.stop()
            raise

    def read(self, seconds):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise Failed(f"no answer within {seconds:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise Failed(last_words(self.errors.read()))
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def measure(self, seconds):
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed("it ended before its time") from None
        return self.read(seconds * 4 + 120)

    def stop(self):
        try:
            self.process.stdin.close()
            self.process.wait(5)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def run_once(command, env, limit, cwd=None):
    """Runs a program to its end: seconds from start to exit, largest resident memory in MiB, its output."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, cwd=cwd)
        used = wait(process, limit)
        seconds = time.perf_counter() - begin
        out.seek(0)
        errors.seek(0)
        if used is None:
            raise Failed(f"not ready within {limit:.0f} s")
        if process.returncode != 0:
            raise Failed(last_words(errors.read() or out.read()))
        return seconds, used.ru_maxrss / 1024, out.read()


def wait(process, limit):
    """Waits for the end, and gives what the process used; None if it had to be ended."""
    exited = os.pidfd_open(process.pid)
    try:
        in_time = bool(select.select([exited], [], [], limit)[0])
    finally:
        os.close(exited)
    if not in_time:
        process.kill()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used if in_time else None
