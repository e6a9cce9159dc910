"""Figures of a benchmark run (lines of JSON) as a document: report.py RESULTS.jsonl >docs/benchmarks.md"""
import json
import statistics
import sys

import rows as table

DISTURBED = 0.15  # share of the processors that others used
OWN, ONE_THREAD = ("cnnrun", "2 threads"), ("cnnrun", "1 thread")


class Figures:
    """What one row's sides gave, by (side, setting): {round: value}."""

    def __init__(self, row):
        self.row, self.values, self.versions, self.missing = row, {}, {}, []
        self.others, self.about = {}, {}
        self.peaks = {}  # by (side, setting): {round: multiply-adds a second in registers alone, measured just before}

    def add(self, figure):
        key = (figure["side"], figure["setting"])
        rounds, turn, value = self.values.setdefault(key, {}), figure["round"], figure["value"]
        rounds[turn] = min(value, rounds.get(turn, value))  # several trials: the best counts
        self.versions[key] = figure["version"]
        if "peak_flops" in figure:
            self.peaks.setdefault(key, {})[turn] = figure["peak_flops"]

    def counted(self):
        """As many rounds as were wanted, those that other programs disturbed least. The trial is round 0."""
        return sorted(sorted(self.others, key=self.others.get)[:self.about["rounds"]])

    def rounds(self, key):
        values = self.values.get(key, {})
        return {turn: values[turn] for turn in self.counted() if turn in values}

    def disturbance(self):
        return statistics.median([self.others[turn] for turn in self.counted()] or [0])

    def median(self, key):
        return statistics.median(self.rounds(key).values())

    def best_peer(self):
        peers = [key for key in self.values if key[0] != "cnnrun" and self.rounds(key)]
        return min(peers, key=self.median, default=None)

    def ratios(self, above, below):
        """Round by round, so that what disturbs the machine for a while disturbs both."""
        a, b = self.rounds(above), self.rounds(below)
        return [a[turn] / b[turn] for turn in sorted(a.keys() & b.keys())]


    def peak_ratios(self):
        """What a second thread could give at most, in each round that counts."""
        one, two = self.peaks.get(ONE_THREAD, {}), self.peaks.get(OWN, {})
        return [two[turn] / one[turn] for turn in self.counted() if turn in one and turn in two]


class Run:
    def __init__(self):
        self.about, self.rows, self.absent, self.skipped = {}, {}, [], []


def read(path):
    run = Run()
    known = {row.name: row for row in table.ROWS + table.VULKAN_ROWS}
    with open(path) as file:
        for line in file:
            entry = json.loads(line)
            kind = entry.pop("kind")
            if kind == "run":
                run.about = entry
            elif kind == "absent":
                run.absent.append(entry)
            elif kind == "skipped":
                run.skipped.append(entry)
            elif kind == "row":
                figures = run.rows[entry["row"]] = Figures(known[entry["row"]])
                figures.about = entry
            elif kind == "round":
                run.rows[entry["row"]].others[entry["round"]] = entry["others"]
            elif kind == "figure":
                run.rows[entry["row"]].add(entry)
            elif kind == "missing":
                run.rows[entry["row"]].missing.append(entry)
    return run


def number(value):
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}"


def spread(values, unit=""):
    """Median, smallest and largest."""
    values = list(values)
    text = number(statistics.median(values)) + (f" {unit}" if unit else "")
    return f"{text} ({number(min(values))} to {number(max(values))})" if len(values) > 1 else text


def grid(head, lines):
    if not lines:
        return ""
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines]) + "\n"


def side(key):
    return f"{key[0]}, {key[1].replace('+', ' + ')}"


def goal(row, value):
    if value is None:
        return ""
    if row.kind in table.AT_MOST + table.AT_LEAST:
        return f"at {'most' if row.kind in table.AT_MOST else 'least'} {value:g} {row.unit}"
    return f"{value:g}x"


def is_met(figures, value):
    row = figures.row
    if row.kind in table.AT_MOST:
        return figures.median(OWN) <= value
    if row.kind in table.AT_LEAST:
        return figures.median(OWN) >= value
    peer = figures.best_peer()
    return peer is not None and statistics.median(figures.ratios(peer, OWN)) >= value


def verdict(figures, value):
    if figures.row.kind != "memory" and figures.disturbance() > DISTURBED:
        return "too disturbed to say"
    return "yes" if is_met(figures, value) else "no"


def comparison(figures):
    row, peer = figures.row, figures.best_peer()
    has_own = bool(figures.rounds(OWN))
    own = spread(figures.rounds(OWN).values(), row.unit) if has_own else "not measured"
    theirs = f"{spread(figures.rounds(peer).values(), row.unit)}, {side(peer)}" if peer else \
        "not measured" if row.peers else ""
    ratio = f"**{spread(figures.ratios(peer, OWN))}**" if has_own and peer else ""
    has_verdict = has_own and (peer or row.kind in table.AT_MOST + table.AT_LEAST)
    goals = [goal(row, value) + (": " + verdict(figures, value) if has_verdict and value is not None else "")
             for value in (row.must, row.aim)]
    work = row.work
    if row.kind == "whole":
        work = work.replace("10 epochs", f"{figures.about['epochs']} epoch(s)")
    return [work, own, theirs, ratio, *goals, f"{100 * figures.disturbance():.0f} %"]


def settings(figures):
    """A line for each setting: its rounds, or its trial if it was too slow to go on."""
    lines = []
    def order(key):
        return statistics.median((figures.rounds(key) or figures.values[key]).values())

    for key in sorted(figures.values, key=order):
        rounds = figures.rounds(key)
        if key == ONE_THREAD:
            continue
        values = spread(rounds.values()) if rounds else f"{number(figures.values[key][0])}, tried"
        lines.append([figures.row.name, side(key), f"{figures.row.unit}", values])
    return lines


def floor_line(figures, about):
    """The time that the multiply-adds alone would take on two cores that do nothing else."""
    row = figures.row
    seconds = row.train_macs * row.samples / about["floor_rate"] / about["threads"]
    own = figures.median(OWN)
    return [row.work, f"{number(seconds)} s", f"{number(own)} s", f"{100 * seconds / own:.0f} %"]


def scaling_line(figures):
    return [figures.row.work, spread(figures.rounds(ONE_THREAD).values(), figures.row.unit),
            spread(figures.rounds(OWN).values(), figures.row.unit), f"**{spread(figures.ratios(ONE_THREAD, OWN))}**",
            spread(figures.peak_ratios()) if figures.peak_ratios() else ""]


def machine_lines(run):
    about = run.about
    versions = sorted({(key[0], version) for f in run.rows.values() for key, version in f.versions.items()})
    lines = [
        ["processor", f"{about['processor']} ({about['family']}; {about['vectors']}), {about['cores']} cores"],
        ["one core's best", f"{about['floor_rate'] / 1e9:.1f} thousand million multiply-adds a second"],
        ["memory", f"{about['memory_gib']} GiB"],
        ["system", f"{about['system']}, Linux {about['kernel']}"],
        ["compiler of cnnrun", about["compiler"]],
        ["cnnrun", f"commit {about['commit']}, backend {about['backend']}"],
    ]
    lines += [["Vulkan device", about["device"]]] if about["vulkan"] else []
    lines += [[name, version] for name, version in versions if name != "cnnrun"]
    lines += [["date", about["date"]]]
    return lines


def noise(run):
    shares = [figures.disturbance() for figures in run.rows.values()]
    if not shares:
        return ""
    text = (f"Other programs used {100 * statistics.median(shares):.0f} % of the processors while these figures were "
            f"taken (median of the rows; at most {100 * max(shares):.0f} %).")
    if max(shares) > DISTURBED:
        text += (f" Rows with more than {100 * DISTURBED:.0f} % say little: the peers' spinning threads then wait for "
                 "each other, which makes them look slower than they are.")
    return text


HOW = """\
Everything is measured in one run and in turns: in each round cnnrun, then every peer. A figure is the median of
the rounds, with the smallest and the largest; a ratio is taken within each round, and above 1 cnnrun is faster (or
smaller). A measurement of a step is the median of the steps of about {seconds} s, after a warm-up. The peer of a row is
the fastest of all its settings and versions: plain, channels_last, torch.compile, for inference also jit.trace with
optimize_for_inference, in the newest PyTorch and in Debian's. Settings that were more than 1.4 times slower than the
best when they were tried are not measured again.

A round in which other programs used more than 15 % of the processors during a measurement is repeated; the rounds
that they disturbed least count. Where they still used that much when a row began, PyTorch's threads spin for a
shorter time while they wait, since it collapses else.

- All use {threads} threads. PyTorch runs with malloc told never to give memory back, which makes it up to four times
  faster here. Both sides have their batches ready in memory, except where pictures are augmented: there PyTorch cuts
  and mirrors a whole batch at once, and a step of cnnrun is the difference between a training of many steps and one of
  a single step, divided by their number.
- The whole run is the process from start to exit; of PyTorch it is the tutorial's script (torchvision's MNIST,
  ToTensor, Normalize, DataLoader, a test each epoch).
- Memory is the largest resident set of a process that trains 300 steps; of PyTorch it is the same script, with
  malloc's defaults.
- Large networks have random weights and images; both sides compute the same number of multiply-adds.
"""

HOW_VULKAN = """\
Everything is measured in one run and in turns: in each round cnnrun, then every peer. A figure is the median of
the rounds, with the smallest and the largest; a ratio is taken within each round, and above 1 cnnrun is faster. A
measurement of a step is the median of the steps of about {seconds} s, after a warm-up. A round in which other programs
used more than 15 % of the processors during a measurement is repeated; the rounds that they disturbed least count.

- All use the same driver; one that computes on the processor has {threads} threads. Numbers have 32 bits on both sides:
  of ncnn everything with fewer is off. `plain` is without Winograd's algorithm. Both sides copy the image to the device
  and the scores back. Networks have random weights, and batch norm is folded where ncnn's converter folds it.
- Starting a kernel: the difference of {many} and {few} kernels in a row that copy one number each, divided by how many
  more they are.
- The rate counts two operations for a multiply-add, in the time that the layers with multiply-adds take by the
  device's own clock.
- A start: a program from its start to its exit that finds its kernels in the caches on disk and takes one training step,
  less what a step more costs.
"""


def how(about, seconds):
    if about["vulkan"]:
        return HOW_VULKAN.format(threads=about["threads"], seconds=seconds, few=table.FEW_KERNELS,
                                 many=table.MANY_KERNELS)
    return HOW.format(threads=about["threads"], seconds=seconds)


def command(about):
    return "./dev bench" + (" --vulkan" if about["vulkan"] else "") + (" --quick" if about["quick"] else "")


def document(run):
    about = run.about
    ordered = [run.rows[row.name] for row in table.ROWS + table.VULKAN_ROWS if row.name in run.rows]
    seconds = ordered[0].about["seconds"] if ordered else 0
    parts = ["# Benchmarks of the Vulkan backend\n" if about["vulkan"] else "# Benchmarks\n",
             f"Written by `{command(about)}`; not edited by hand.\n",
             noise(run) + "\n",
             grid(["work", "cnnrun", "best peer", "times as fast", "must", "aim", "others"],
                  [comparison(f) for f in ordered])]
    parts += ["## Machine and versions\n", grid(["", ""], machine_lines(run))]
    parts += ["## How\n", how(about, seconds)]
    if about["quick"] and not about["vulkan"]:
        parts += ["- This was a quick run: of PyTorch's settings only those that are usually the best took part.\n"]
    floors = [floor_line(f, about) for f in ordered if f.row.train_macs and f.rounds(OWN)]
    if floors:
        parts += ["## Against the processor\n",
                  "The floor is the time that the multiply-adds of the convolutions and linear layers alone would take "
                  "two cores at their best.\n",
                  grid(["work", "floor", "cnnrun", "share of the peak"], floors)]
    scaling = [scaling_line(f) for f in ordered if f.ratios(ONE_THREAD, OWN)]
    if scaling:
        parts += ["## Two threads against one\n",
                  "The last column is what multiply-adds in registers alone gained from the second thread, measured just "
                  "before: where it is well below 2, somebody else was using the processor.\n",
                  grid(["work", "1 thread", "2 threads", "times as fast", "registers alone"], scaling)]
    parts += ["## All settings\n",
              grid(["row", "side", "unit", "median (smallest to largest)"],
                   [line for f in ordered for line in settings(f)])]
    reasons = [f"- {entry['side']}: {entry['why']}" for entry in run.absent]
    reasons += [f"- {entry['row']}: {entry['why']}" for entry in run.skipped]
    reasons += [f"- {entry['row']}: {side((entry['side'], entry['setting']))}: {entry['why']}"
                for f in ordered for entry in f.missing]
    if reasons:
        parts += ["## Not measured\n", "\n".join(reasons) + "\n"]
    return "\n".join(part for part in parts if part)


if __name__ == "__main__":
    sys.stdout.write(document(read(sys.argv[1])))
