"""The page of ./dev results: accuracies of several seeds, beside PyTorch's; see results.py."""
import math
import statistics
import textwrap

from report import grid

APART = 0.7  # points that the two means may be apart

INTRODUCTION = """\
# Results

Written by `./dev results`; not edited by hand.

Accuracy on the 10,000 test images, in percent, after the whole training; no best epoch is picked. The deviation is the
sample's, over the seeds.
"""

BESIDE = """\
Both sides train the same network by the same recipe, start from the same weights (cnnrun writes them) and see the same
batches: the same images in the same order, cut and mirrored by the same random numbers. So what differs is the
arithmetic: in which order numbers are summed up. It is enough to lead two trainings to different weights; the standard
error says how much of the difference of the means that explains. PyTorch runs with channels_last, and cuts and mirrors
a whole batch at once.

These trainings are short: in minutes a network does not come near the accuracy of its paper, which trained more than a
hundred times as long (`pipelines/classics/`). `./dev results --budget 10` trains ten times as long as here.
"""

FIRST = """\
The losses of the first steps, before the two move apart, tell whether the recipe is the same:
"""

AGAIN = """\
## One run again

`./dev results --rows resnet20` trains what is missing of a row; for all of it again, remove
`build/results/results.jsonl`. The commands below are those of one seed: cnnrun's run, the weights that both start from,
PyTorch's run.
"""

TIMES = """\
Minutes are from the start to the end of the process, test included, with {threads}, and other programs may have run
beside: they say when to come back, not how fast anything is. For that there is [benchmarks.md](benchmarks.md).
"""


class Figures:
    """What the runs of one row gave: {side: {seed: run}}."""

    def __init__(self, described, entries, budget):
        self.row, self.recipe = described["row"], described["recipe"]
        self.images, self.commands = described["images"], described["commands"]
        self.runs = {"cnnrun": {}, "PyTorch": {}}
        for entry in entries:
            if entry["kind"] == "run" and entry["row"] == self.row.name and entry["budget"] == budget:
                self.runs[entry["side"]][entry["seed"]] = entry

    def accuracies(self, side):
        return [self.runs[side][seed]["accuracy"] for seed in sorted(self.runs[side])]

    def differences(self):
        """Seed by seed, as both begin alike."""
        own, peer = self.runs["cnnrun"], self.runs["PyTorch"]
        return [own[seed]["accuracy"] - peer[seed]["accuracy"] for seed in sorted(own.keys() & peer.keys())]


def deviation(values):
    return statistics.stdev(values) if len(values) > 1 else math.nan


def number(value, digits=2):
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def each(values):
    return ", ".join(number(value) for value in values)


def mean(values):
    """Mean and sample deviation."""
    if not values:
        return "not run"
    spread = f" ± {number(deviation(values))}" if len(values) > 1 else ""
    return f"**{number(statistics.mean(values))}**{spread}"


def minutes(runs):
    return number(statistics.mean(run["seconds"] for run in runs.values()) / 60, 1) if runs else ""


def difference(values):
    """Of the means, with its standard error."""
    if not values:
        return ""
    error = f" ± {number(deviation(values) / math.sqrt(len(values)))}" if len(values) > 1 else ""
    return f"**{statistics.mean(values):+.2f}**{error}"


def verdict(values):
    if not values:
        return ""
    return "yes" if abs(statistics.mean(values)) <= APART else "no"


def beside_line(f):
    own, peer, apart = f.accuracies("cnnrun"), f.accuracies("PyTorch"), f.differences()
    return [f.row.title, f"{f.images:,}", each(own), mean(own), each(peer), mean(peer), difference(apart),
            verdict(apart), minutes(f.runs["cnnrun"]), minutes(f.runs["PyTorch"])]


def alone_line(f):
    values = f.accuracies("cnnrun")
    met = ("yes" if statistics.mean(values) >= f.row.least else "no") if values else ""
    return [f.row.title, f.row.data, str(f.recipe["epochs"]), each(values), mean(values), f"{f.row.least:g}", met,
            minutes(f.runs["cnnrun"])]


def first_lines(f):
    own, peer = f.runs["cnnrun"], f.runs["PyTorch"]
    return [[f.row.title, str(seed), str(step), f"{own[seed]['losses'][step - 1]:.6f}",
             f"{peer[seed]['losses'][step - 1]:.6f}"]
            for seed in sorted(own.keys() & peer.keys()) for step in (1, 3)]


def recipe_text(f):
    recipe, options = f.recipe, f.recipe["options"]
    words = [f"{recipe['optimizer']} with lr {options['lr']}, momentum {options['momentum']}"]
    if float(options["weight_decay"]) > 0:
        words.append(f"weight decay {options['weight_decay']}")
    if options["nesterov"] == "true":
        words.append("nesterov")
    if "schedule" in recipe:
        schedule = recipe["schedule_options"]
        words.append(f"{recipe['schedule']} up to {schedule['max_lr']} within {schedule['pct_start']} of the steps, "
                     "then down")
    words.append(f"batch {recipe['batch']}, {recipe['total']:,} steps, {f.images:,} images")
    if f.row.net:
        words.append("augmentation: zeros of 4 pixels around, a random piece of 32x32, half of them mirrored")
    return textwrap.fill("; ".join(words) + ".", 118)


def command_text(command):
    """Lines of at most 118 characters."""
    lines, line = [], ""
    for word in command:
        word = f"'{word}'" if any(c in word for c in " {}[]") else word
        if line and len(line) + len(word) > 116:
            lines.append(line + " \\")
            line = "    " + word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])


def again(f):
    text = "\n".join(command_text(command) for command in f.commands)
    return (f"### {f.row.name}\n\n{recipe_text(f)}\n\n<!-- not run: trains for minutes -->\n```sh\n{text}\n```\n")


def all_runs(figures):
    return [run for f in figures for runs in f.runs.values() for run in runs.values()]


def threads(figures):
    counts = sorted({run["threads"] for run in all_runs(figures)})
    return " or ".join(map(str, counts)) + (" thread" if counts == [1] else " threads")


def versions(figures):
    runs, lines = all_runs(figures), []
    for side in ("cnnrun", "PyTorch"):
        found = sorted({run["version"] for run in runs if run["side"] == side})
        if found:
            lines.append([side, ", ".join(found)])
    dates = sorted({run["date"] for run in runs})
    if dates:
        lines.append(["date", dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"])
    return lines


def facts(entries):
    lines = [["CIFAR-10", f"SHA-256 of the six files, one after the other: {entry['text']}"]
             for entry in entries if entry["kind"] == "cifar10"]
    notes = [entry["text"] for entry in entries if entry["kind"] == "note"]
    return lines + ([["note", notes[-1]]] if notes else [])


def document(described, entries, budget):
    figures = [Figures(d, entries, budget) for d in described]
    beside, alone = [f for f in figures if f.row.net], [f for f in figures if not f.row.net]
    parts = [INTRODUCTION]
    if budget != 1:
        parts.append(f"Budget: {budget:g} times the steps of the pipelines.\n")
    parts += ["## CIFAR-10, beside PyTorch\n",
              grid(["network", "images seen", "cnnrun, each seed", "mean", "PyTorch, each seed", "mean", "difference",
                    f"at most {APART} apart", "min. cnnrun", "min. PyTorch"], [beside_line(f) for f in beside]),
              BESIDE]
    first = [line for f in beside for line in first_lines(f)]
    if first:
        parts += [FIRST, grid(["network", "seed", "step", "cnnrun", "PyTorch"], first)]
    parts += ["## MNIST and Fashion-MNIST\n",
              grid(["network", "images", "epochs", "each seed", "mean", "at least", "met", "min."],
                   [alone_line(f) for f in alone]), TIMES.format(threads=threads(figures))]
    parts += [AGAIN, *[again(f) for f in figures]]
    about = versions(figures) + facts(entries)
    if about:
        parts += ["## Versions and data\n", grid(["", ""], about)]
    return "\n".join(parts)
