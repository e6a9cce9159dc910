"""./dev results: trainings of several seeds, beside PyTorch's by the same recipe; writes docs/results.md.

    results.py [--rows a,b] [--seeds 0,1,2] [--budget X] [--jobs N] [--threads N] [--page] [--note TEXT] [--out FILE]

Each finished training is a line in build/results/results.jsonl and is not done again: an interrupted call goes on
where it was. The recipe is the pipeline's; PyTorch's side gets it as arguments (torch_train.py).
"""
import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import results_page
import rows as table
import sides
from processes import MALLOC, Failed, environment, run_once

FOLDER = os.path.join("build", "results")  # in ROOT
TOLD = 10  # steps whose losses both sides tell
MOST_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    pipeline: str
    data: str
    samples: int  # of the training set
    least: float = 0  # accuracy that the mean must reach, in percent
    net: str = ""  # PyTorch's side; without it there is none


def digits(name, title, least, data="MNIST"):
    return Row(name, title, f"pipelines/{name}.yaml", data, 60000, least=least)


def pictures(net, title):
    return Row(net, title, f"pipelines/cifar10/{net}.yaml", "CIFAR-10", 50000, net=net)


ROWS = (
    digits("mnist-hw1", "Homework 1", 98.4),
    digits("mnist-residual", "residual", 98.9),
    digits("mnist-inception", "Inception", 98.7),
    digits("fashion-hw1", "Homework 1", 85.0, "Fashion-MNIST"),
    pictures("resnet20", "ResNet-20"),
    pictures("preact-resnet20", "pre-activation ResNet-20"),
    pictures("densenet40", "DenseNet (L=40, k=12)"),
)


def arguments():
    parser = argparse.ArgumentParser(prog="./dev results", description="Trains with several seeds, beside PyTorch.")
    parser.add_argument("--rows", help="names, with commas: " + ", ".join(row.name for row in ROWS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--budget", type=float, default=1, help="times as many steps: 10 takes ten times as long")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    parser.add_argument("--threads", type=int, default=2, help="of each training; no figure but the time depends on it")
    parser.add_argument("--page", action="store_true", help="train nothing, write the page of what is there")
    parser.add_argument("--note", help="a sentence about the data or the machine, for the page")
    parser.add_argument("--out", help="the page; docs/results.md for budget 1, else one in build/results")
    args = parser.parse_args()
    known = {row.name: row for row in ROWS}
    names = args.rows.split(",") if args.rows else list(known)
    for name in names:
        if name not in known:
            parser.error(f"no row '{name}'; there are {', '.join(known)}")
    args.rows = [known[name] for name in names]
    args.seeds = [int(seed) for seed in args.seeds.split(",")]
    if not args.budget > 0:
        parser.error("--budget must be above 0")
    folder = "docs" if args.budget == 1 else FOLDER
    args.out = args.out or os.path.join(sides.ROOT, folder, "results.md")
    return args


def say(text):
    print(f"results: {text}", file=sys.stderr, flush=True)


class Lines:
    """What is known, as lines of JSON, each on the disk as soon as it is known."""

    def __init__(self, path):
        self.path, self.entries, self.lock = path, [], threading.Lock()
        if os.path.exists(path):
            with open(path) as file:
                self.entries = [json.loads(line) for line in file]

    def add(self, **entry):
        with self.lock, open(self.path, "a") as file:
            self.entries.append(entry)
            file.write(json.dumps(entry) + "\n")

    def has(self, **keys):
        return any(all(entry.get(key) == value for key, value in keys.items()) for entry in self.entries)


# ---- the recipe


def flow_map(text):
    """{a: 1, b: c} of `cnnrun show config`."""
    return dict(re.findall(r"(\w+): ([^,{}\[\]]+)", text))


def recipe(row, overrides=()):
    """What PyTorch's side and the page must know of the pipeline's `train:`."""
    done = subprocess.run([sides.CNNRUN, "show", "config", row.pipeline, *overrides], capture_output=True, text=True,
                          cwd=sides.ROOT)
    if done.returncode != 0:
        raise Failed(done.stderr.strip().split("\n")[0])
    train = done.stdout.split("\ntrain:\n")[1].split("\ntest:\n")[0]
    values = {key: int(re.search(rf"^  {key}: (\d+)", train, re.M).group(1)) for key in ("epochs", "batch", "steps")}
    optimizer = re.search(r"^  optimizer: \{(\w+): \{(.*)\}\}", train, re.M)
    schedule = re.search(r"^  schedule: \[\{(\w+): \{(.*)\}\}\]", train, re.M)
    values.update(optimizer=optimizer.group(1), options=flow_map(optimizer.group(2)))
    if schedule:
        values.update(schedule=schedule.group(1), schedule_options=flow_map(schedule.group(2)))
    values["total"] = values["epochs"] * steps_per_epoch(row, values["batch"])
    if values["steps"] > 0:
        values["total"] = min(values["total"], values["steps"])
    return values


def steps_per_epoch(row, batch):
    return -(-row.samples // batch)


def overrides_for(row, budget):
    if budget == 1:
        return []
    plain = recipe(row)
    steps = max(1, round(plain["total"] * budget))
    epochs = -(-steps // steps_per_epoch(row, plain["batch"]))
    return [f"train.epochs={epochs}", f"train.steps={steps}", "expect.accuracy=0"]


def images_seen(row, values):
    """The last batch of an epoch may be smaller."""
    each = steps_per_epoch(row, values["batch"])
    epochs, rest = divmod(values["total"], each)
    return epochs * row.samples + rest * values["batch"]


# ---- the two sides


def own_command(program, row, seed, overrides):
    name = f"{row.name}-{seed}"
    log = ["train.log_every=1", "--quiet"] if row.net else []
    return [program, row.pipeline, f"train.seed={seed}", *overrides, *log, f"output.dir={FOLDER}/runs/{name}"]


def log_of(folder):
    with open(os.path.join(folder, "log.jsonl")) as file:
        return [json.loads(line) for line in file]


def run_own(row, seed, overrides, threads):
    command = own_command(sides.CNNRUN, row, seed, overrides)
    folder = os.path.join(sides.ROOT, command[-1].split("=")[1])
    shutil.rmtree(folder, ignore_errors=True)
    seconds, _, _ = run_once(command + ["--threads", str(threads)], environment(), MOST_SECONDS, cwd=sides.ROOT)
    events = log_of(folder)
    tested = [event for event in events if event["event"] == "eval_end"][-1]
    losses = [event["loss"] for event in events if event["event"] == "log"]
    version = subprocess.run([sides.CNNRUN, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    return {"accuracy": 100 * tested["metrics"]["accuracy"], "seconds": seconds, "losses": losses[:TOLD],
            "version": version}


def weights_command(program, row, seed):
    return [program, "train", row.pipeline, f"train.seed={seed}", "train.epochs=0",
            f"output.dir={FOLDER}/start/{row.name}-{seed}", "--quiet"]


def cifar10_folder():
    """Where cnnrun would find CIFAR-10 too."""
    home = os.path.expanduser("~/.local/share/cnnrun/data")
    for data in (os.environ.get("CNNRUN_DATA"), os.path.join(sides.ROOT, "data"), home, "/usr/share/datasets"):
        for name in ("cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"):
            folder = data and os.path.join(data, name)
            if folder and os.path.exists(os.path.join(folder, "data_batch_1.bin")):
                return folder
    raise Failed("CIFAR-10 is not there: ./dev data cifar10")


def peer_command(python, data, row, seed, values):
    options, schedule = values["options"], values["schedule_options"]
    command = [python, "bench/torch_train.py", f"--net={row.net}", f"--data={data}",
               f"--weights={FOLDER}/start/{row.name}-{seed}/model.safetensors", f"--seed={seed}",
               f"--epochs={values['epochs']}", f"--batch={values['batch']}", f"--max-lr={schedule['max_lr']}",
               f"--pct-start={schedule['pct_start']}", f"--momentum={options['momentum']}",
               f"--weight-decay={options['weight_decay']}"]
    command += [f"--steps={values['steps']}"] if values["steps"] > 0 else []
    return command + (["--nesterov"] if options["nesterov"] == "true" else [])


def run_peer(python, row, seed, values, threads):
    run_once(weights_command(sides.CNNRUN, row, seed), environment(), 600, cwd=sides.ROOT)
    # Threads that spin only briefly lose less where other programs run.
    env = environment({**MALLOC, "GOMP_SPINCOUNT": "10000"})
    command = peer_command(python, cifar10_folder(), row, seed, values) + [f"--threads={threads}"]
    seconds, _, out = run_once(command, env, MOST_SECONDS, cwd=sides.ROOT)
    return {**json.loads(out.splitlines()[-1]), "seconds": seconds}


def find_python():
    found, missing = sides.find_peers((table.NEW, table.DEBIAN))
    for name in (table.NEW, table.DEBIAN):
        if name in found:
            return found[name]
    say(f"PyTorch's side is left out: {missing[table.NEW]}")
    return None


def fingerprint():
    digest = hashlib.sha256()
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        with open(os.path.join(cifar10_folder(), name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


# ---- all of it


class Results:
    def __init__(self, args, lines, python):
        self.args, self.lines, self.python = args, lines, python
        self.pool, self.begun = ThreadPoolExecutor(args.jobs), []

    def once(self, row, seed, side, run):
        """A training that is not among the results yet."""
        keys = {"row": row.name, "seed": seed, "side": side, "budget": self.args.budget}
        if self.lines.has(**keys):
            return
        try:
            values = run()
        except Failed as error:
            say(f"{row.name}, seed {seed}, {side}: failed: {error}")
            return
        self.lines.add(kind="run", **keys, **values, threads=self.args.threads, date=time.strftime("%Y-%m-%d"))
        say(f"{row.name}, seed {seed}, {side}: {values['accuracy']:.2f} % in {values['seconds']:.0f} s")

    def later(self, row, seed, side, run, *arguments):
        self.begun.append(self.pool.submit(self.once, row, seed, side, lambda: run(*arguments)))

    def row(self, row):
        overrides = overrides_for(row, self.args.budget)
        values = recipe(row, overrides)
        for seed in self.args.seeds:
            self.later(row, seed, "cnnrun", run_own, row, seed, overrides, self.args.threads)
            if row.net and self.python:
                self.later(row, seed, "PyTorch", run_peer, self.python, row, seed, values, self.args.threads)

    def note(self, kind, text):
        if not self.lines.has(kind=kind, text=text):
            self.lines.add(kind=kind, text=text)

    def all(self):
        for row in self.args.rows:
            try:
                if row.data == "CIFAR-10":
                    self.note("cifar10", fingerprint())
                self.row(row)
            except Failed as error:
                say(f"{row.name}: left out: {error}")
        for training in self.begun:
            training.result()  # whatever went wrong in it is told


def described(row, budget, seed):
    """A row's recipe and commands, for the page."""
    overrides = overrides_for(row, budget)
    values = recipe(row, overrides)
    program = "build/release/bin/cnnrun"
    commands = [own_command(program, row, seed, overrides)]
    if row.net:
        commands += [weights_command(program, row, seed),
                     peer_command("python3", "data/cifar10", row, seed, values)]
    return {"row": row, "recipe": values, "images": images_seen(row, values), "commands": commands}


def main():
    # At once: an exit would wait for the trainings that have not begun. Those that run are sent the signal too, or end
    # by themselves.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os._exit(128 + number))
    args = arguments()
    os.makedirs(os.path.join(sides.ROOT, FOLDER), exist_ok=True)
    lines = Lines(os.path.join(sides.ROOT, FOLDER, "results.jsonl"))
    if not args.page:
        results = Results(args, lines, find_python() if any(row.net for row in args.rows) else None)
        results.all()
    if args.note:
        lines.add(kind="note", text=args.note)
    rows = [described(row, args.budget, args.seeds[0]) for row in ROWS]
    with open(args.out, "w") as file:
        file.write(results_page.document(rows, lines.entries, args.budget))
    say(f"written to {os.path.relpath(args.out)}")


main()
