"""./dev bench: cnnrun and its peers in turns, in one run.

    bench.py [--quick] [--vulkan] [--rows a,b] [--rounds N] [--backend NAME] [--out FILE]

For each row every setting of every peer is prepared and tried; those that are much slower than the best are done
with that. The others and cnnrun are measured in rounds: cnnrun, peer, peer, cnnrun, peer, peer, ... Each figure
is one line in build/bench/results.jsonl, from which report.py writes the tables.
"""
import argparse
import fcntl
import json
import os
import platform
import signal
import subprocess
import sys
import time

import report
import rows as table
import sides
from processes import Failed

THREADS = 2
# A setting that is this much slower than the best when it is tried cannot become the best.
SLOWER = {"train": 1.4, "infer": 1.4, "whole": 1.1, "memory": 1.1}
# Of a Vulkan driver that computes on the processor: as many threads as everybody has, and taken without being named.
DRIVER = {"LP_NUM_THREADS": str(THREADS), "CNNRUN_VK_ALLOW_CPU": "1"}
BUSY = 0.15  # share of the processors that others use: with more, spinning threads would wait for each other
TRIALS = 3
# A round that others disturbed is taken again, but not more often than this times the rounds.
MOST_ROUNDS = 2


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measures cnnrun and its peers in turns.")
    parser.add_argument("--quick", action="store_true", help="a few minutes: shorter, fewer settings, nothing compiled")
    parser.add_argument("--vulkan", action="store_true", help="the rows of the Vulkan backend instead: a few minutes")
    parser.add_argument("--rows", help="names, with commas: " + ", ".join(row.name for row in table.ROWS) +
                        "; with --vulkan: " + ", ".join(row.name for row in table.VULKAN_ROWS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backend", help="of cnnrun; default: auto, with --vulkan: vulkan")
    parser.add_argument("--out", help="the document; docs/benchmarks.md, with --vulkan docs/benchmarks-vulkan.md, for "
                        "a whole run, else one in build/bench")
    args = parser.parse_args()
    args.backend = args.backend or ("vulkan" if args.vulkan else "auto")
    known = {row.name: row for row in (table.VULKAN_ROWS if args.vulkan else table.ROWS)}
    names = args.rows.split(",") if args.rows else list(known)
    for name in names:
        if name not in known:
            parser.error(f"no row '{name}'; there are {', '.join(known)}")
    args.rows = [known[name] for name in names]
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    whole = not args.quick and len(names) == len(known)
    name = "benchmarks-vulkan.md" if args.vulkan else "benchmarks.md"
    args.out = args.out or os.path.join(sides.ROOT, "docs" if whole else sides.BUILD, name)
    return args


class Load:
    """How much of the processors others use between two moments; workers are the processes that are our own."""

    def __init__(self, pids):
        self.pids = pids
        self.begin = self.now()

    def now(self):
        with open("/proc/stat") as stat:
            all_ticks = [int(n) for n in stat.readline().split()[1:9]]
        tick = os.sysconf("SC_CLK_TCK")
        ours = sum(os.times()[:4])
        for pid in self.pids:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            ours += sum(int(fields[at]) for at in (11, 12)) / tick  # in user and in kernel mode
        return sum(all_ticks) / tick, (all_ticks[3] + all_ticks[4]) / tick, ours

    def others(self):
        total, idle, ours = (now - begin for now, begin in zip(self.now(), self.begin))
        return max(0.0, 1 - (idle + ours) / total) if total > 0 else 0.0


def wait_for_quiet(patience):
    """Waits until others use little, at most so many seconds. The share that they use."""
    end = time.monotonic() + patience
    while True:
        load = Load([])
        time.sleep(1)
        others = load.others()
        if others <= BUSY or time.monotonic() > end:
            return others


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0]
    except OSError:
        return ""


def floor_rate():
    """Multiply-adds a second of one core at its best."""
    program = os.path.join(sides.BUILD, "floor")
    source = os.path.join(sides.HERE, "floor.c")
    flags = ["-std=c11", "-O2", "-march=native", "-ffp-contract=fast"]
    subprocess.run([os.environ.get("CC", "gcc"), *flags, "-o", program, source], check=True)
    wait_for_quiet(10)
    return 1e6 * max(float(first_line(program)) for _ in range(3))


def machine():
    with open("/proc/cpuinfo") as file:
        info = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    info = {key.strip(): value.strip() for key, value in info.items()}
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 2**20
    flags = info.get("flags", info.get("Features", "")).split()
    return {
        "processor": info.get("model name", platform.machine()),
        "family": f"family {info.get('cpu family', '?')}, model {info.get('model', '?')}",
        "vectors": ", ".join(flag for flag in ("avx512f", "avx2", "fma", "asimd") if flag in flags),
        "cores": len(os.sched_getaffinity(0)), "memory_gib": round(memory), "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "") if os.path.exists("/etc/os-release") else "",
        "compiler": first_line(os.environ.get("CC", "gcc"), "--version"), "floor_rate": floor_rate(),
        "commit": first_line("git", "-C", sides.ROOT, "rev-parse", "--short", "HEAD"),
        "date": time.strftime("%Y-%m-%d"),
    }


def vulkan_device():
    """The first that cnnrun devices names."""
    for line in subprocess.run([sides.CNNRUN, "devices"], capture_output=True, text=True).stdout.splitlines():
        words = line.split()
        if words and words[0].startswith("vulkan"):
            return " ".join(words[1:])
    return "none"


class Results:
    """Lines of JSON, each on the disk as soon as it is known."""

    def __init__(self, path):
        self.file = open(path, "w")

    def add(self, kind, **values):
        self.file.write(json.dumps({"kind": kind, **values}) + "\n")
        self.file.flush()

    def figure(self, row, side, turn, values):
        self.add("figure", row=row.name, side=side.name, setting=side.setting, version=side.version, round=turn,
                 **values)

    def missing(self, row, side, why):
        self.add("missing", row=row.name, side=side.name, setting=side.setting, why=why)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class RowRun:
    """One row: who takes part, and the rounds."""

    def __init__(self, row, args, results):
        self.row, self.results = row, results
        self.seconds = 0.4 if args.quick else 1.5
        self.epochs = 1 if args.quick else 10
        self.patience = 5 if args.quick else 30  # seconds before each round
        self.rounds = args.rounds
        if args.quick and row.kind in ("whole", "memory"):
            self.rounds = min(2, args.rounds)
        self.running = []

    def attempt(self, side, turn):
        """One figure, and the share of the processors that others used meanwhile; without it the side is out."""
        load = Load([side.worker.process.pid] if hasattr(side, "worker") else [])
        try:
            values = side.measure(self.seconds, self.epochs)
        except Failed as error:
            self.results.missing(self.row, side, str(error))
            say(f"  {side.name} {side.setting}: not measured: {error}")
            return None, 1.0
        others = load.others()
        self.results.figure(self.row, side, turn, {**values, "others": others})
        return values["value"], others

    def start(self, side, calm):
        try:
            side.start(calm)
            return True
        except Failed as error:
            self.results.missing(self.row, side, str(error))
            say(f"  {side.name} {side.setting}: not measured: {error}")
            return False

    def qualify(self, candidates, calm):
        """Tries all settings once, and keeps those that may turn out the best. Their first figure has round 0."""
        tried = []
        for side in candidates:
            if not self.start(side, calm):
                continue
            value = 0 if len(candidates) == 1 else self.trial(side)
            if value is None:
                side.stop()
                continue
            tried.append((value, side))
            limit = SLOWER[self.row.kind] * min(value for value, _ in tried)
            for slow in [entry for entry in tried if entry[0] > limit]:
                slow[1].stop()
                tried.remove(slow)
        return [side for _, side in tried]

    def trial(self, side):
        """The best of some attempts, until one was not disturbed."""
        values = []
        while len(values) < TRIALS:
            value, others = self.attempt(side, 0)
            if value is None:
                return None
            values.append(value)
            if others <= BUSY:
                break
        return min(values)

    def measure(self, own, candidates):
        busy = wait_for_quiet(self.patience)
        # Threads that spin for a shorter time, then wait in the kernel, lose less where others run.
        calm = {"GOMP_SPINCOUNT": "10000"} if busy > BUSY else {}
        self.results.add("row", row=self.row.name, busy=busy, rounds=self.rounds, epochs=self.epochs,
                         seconds=self.seconds)
        say(f"{self.row.name}: {self.row.work}" + (f" (others use {100 * busy:.0f} % of the machine)" if calm else ""))
        self.running = own + self.qualify(candidates, calm)
        quiet, turn = 0, 0
        while quiet < self.rounds and turn < MOST_ROUNDS * self.rounds:
            turn += 1
            quiet += self.round(turn) <= BUSY

    def round(self, turn):
        """Everybody in turn: gives the largest share of the processors that others used during a measurement."""
        if turn > 1:
            wait_for_quiet(self.patience)
        most = 0.0
        for side in list(self.running):
            value, others = self.attempt(side, turn)
            most = max(most, others)
            if value is None:
                side.stop()
                self.running.remove(side)
        self.results.add("round", row=self.row.name, round=turn, others=most)
        return most

    def stop(self):
        for side in self.running:
            side.stop()


def run_row(row, args, found, results):
    own = [sides.Cnnrun(row, args.backend, THREADS)]
    if row.kind == "train" and not args.quick:
        own.append(sides.Cnnrun(row, args.backend, 1))
    run = RowRun(row, args, results)
    try:
        run.measure(own, sides.peers_of(row, found, THREADS, args.quick))
    finally:
        run.stop()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # on the way out the peers are ended
    args = arguments()
    os.makedirs(sides.BUILD, exist_ok=True)
    lock = open(os.path.join(sides.BUILD, "lock"), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("bench: another run is going on; two would disturb each other")
    path = os.path.join(sides.BUILD, "results-vulkan.jsonl" if args.vulkan else "results.jsonl")
    results = Results(path)
    about = {"vulkan": args.vulkan, **machine()}
    if args.vulkan:
        os.environ.update(DRIVER)
        about["device"] = vulkan_device()
    results.add("run", quick=args.quick, backend=args.backend, threads=THREADS, **about)
    found, missing = sides.find_peers({name for row in args.rows for name, _ in row.peers})
    for name, why in missing.items():
        say(f"{name}: not measured: {why}")
        results.add("absent", side=name, why=why)
    without_mnist = sides.mnist_folder() is None
    for row in args.rows:
        if without_mnist and "mnist" in row.pipeline:
            say(f"{row.name}: not measured: MNIST is not there")
            results.add("skipped", row=row.name, why="MNIST is not there: ./dev data mnist")
            continue
        run_row(row, args, found, results)
    text = report.document(report.read(path))
    with open(args.out, "w") as file:
        file.write(text)
    print(text)
    say(f"written to {os.path.relpath(args.out)}; figures in {os.path.relpath(path)}")


main()
