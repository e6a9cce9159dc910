"""The two sides of a row: cnnrun, and each peer in each of its settings."""
import json
import os
import shutil
import statistics
import subprocess

import rows as table
from processes import MALLOC, Failed, Worker, environment, run_once

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.join(ROOT, "build", "bench")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "cnnrun-bench")
CNNRUN = os.environ.get("CNNRUN") or os.path.join(ROOT, "build", "release", "bin", "cnnrun")

START_SECONDS = 400  # until a peer has compiled and warmed up its step
WHOLE_SECONDS = 1800
MEMORY_STEPS = 300
MIN_STEPS, MOST_STEPS = 3, 100000
START_RUNS = 5


def mnist_folder():
    """Where cnnrun would find MNIST's plain files too."""
    home = os.path.expanduser("~/.local/share/cnnrun/data")
    for data in (os.environ.get("CNNRUN_DATA"), os.path.join(ROOT, "data"), home, "/usr/share/datasets"):
        folder = data and os.path.join(data, "mnist")
        if folder and os.path.exists(os.path.join(folder, "train-images-idx3-ubyte")):
            return folder
    return None


def torchvision_root():
    """MNIST in the folders where torchvision looks for it, as links."""
    raw = os.path.join(BUILD, "torchvision", "MNIST", "raw")
    os.makedirs(raw, exist_ok=True)
    for name in os.listdir(mnist_folder()):
        link = os.path.join(raw, name)
        if not os.path.exists(link):
            os.symlink(os.path.join(mnist_folder(), name), link)
    return os.path.dirname(os.path.dirname(raw))


class Cnnrun:
    """cnnrun with a number of threads. Each measurement is a process of its own."""

    def __init__(self, row, backend, threads):
        self.row, self.threads = row, threads
        self.options = ["output.dir=", "output.report=[]", f"backend={backend}", "--threads", str(threads)]
        if row.overlay:
            self.options.insert(0, "@" + row.overlay)
        self.setting = "2 threads" if threads == 2 else "1 thread"
        self.version = subprocess.run([CNNRUN, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
        self.name, self.count = "cnnrun", MIN_STEPS

    def run(self, verb, *options, limit=600):
        seconds, peak, out = run_once([CNNRUN, verb, self.row.pipeline, *self.options, *options], environment(), limit,
                                      cwd=ROOT)
        return seconds, peak, out

    def start(self, calm):
        pass

    def stop(self):
        pass

    def measure(self, seconds, epochs):
        kind = "difference" if self.row.augment else self.row.kind
        return getattr(self, kind)(seconds, epochs)

    def whole(self, seconds, epochs):
        took, peak, _ = self.run("run", f"train.epochs={epochs}", "expect.accuracy=0", limit=WHOLE_SECONDS)
        return {"value": took, "peak_mib": peak}

    def memory(self, seconds, epochs):
        _, peak, _ = self.run("train", f"train.steps={MEMORY_STEPS}", "test.every=0", "--quiet")
        return {"value": peak, "peak_mib": peak}

    def train(self, seconds, epochs):
        return self.timed(seconds, "train")

    def infer(self, seconds, epochs):
        return self.timed(seconds, "predict")

    def timed(self, seconds, mode):
        step, peak, answer = self.step(seconds, mode)
        return {"value": step * self.row.scale, "peak_mib": peak, "peak_flops": answer["peak_flops"]}

    def backward(self, seconds, epochs):
        both, peak, _ = self.step(seconds, "train")
        forward, _, _ = self.step(seconds, "predict")
        return {"value": both / forward, "peak_mib": peak}

    def rate(self, seconds, epochs):
        """Two operations for each multiply-add, in the time of the layers that have any."""
        _, peak, answer = self.step(seconds, "predict")
        layers = [layer for layer in answer["layers"] if layer["macs"] > 0]
        operations = 2 * sum(layer["macs"] for layer in layers)
        return {"value": operations / sum(layer["forward"] for layer in layers) * self.row.scale, "peak_mib": peak}

    def dispatch(self, seconds, epochs):
        few, peak, _ = self.step(seconds, "predict", f"model.0.repeat={table.FEW_KERNELS}")
        many, _, _ = self.step(seconds, "predict", f"model.0.repeat={table.MANY_KERNELS}")
        return {"value": (many - few) / (table.MANY_KERNELS - table.FEW_KERNELS) * self.row.scale, "peak_mib": peak}

    def start_up(self, seconds, epochs):
        """A process of one step without that step, which is a quarter of four more; medians of some processes. What one
        of them compiled, the next finds in the caches."""
        runs = [(self.steps(1), self.steps(5)) for _ in range(START_RUNS)]
        one, five = (statistics.median(run[i][0] for run in runs) for i in range(2))
        return {"value": (one - (five - one) / 4) * self.row.scale, "peak_mib": runs[0][0][1]}

    def step(self, seconds, mode, *options):
        """The median step of cnnrun time on a batch that is in memory: seconds, peak memory, all it says."""
        while True:
            _, peak, out = self.run("time", "--json", "--mode", mode, "--steps", str(self.count), *options,
                                    f"train.batch={self.row.batch}", f"test.batch={self.row.batch}")
            answer = json.loads(out.splitlines()[-1])
            step = answer["median"]
            if step * self.count > seconds / 2 or self.count == MOST_STEPS:
                return step, peak, answer
            self.count = min(MOST_STEPS, max(self.count + 1, int(seconds / step)))

    def steps(self, count):
        return self.run("train", "--quiet", f"train.batch={self.row.batch}", "train.epochs=100000",
                        f"train.steps={count}", "test.every=0")

    def difference(self, seconds, epochs):
        """A step with its data, as the difference between a training of many and of one."""
        few, _, _ = self.steps(1)
        while True:
            took, peak, _ = self.steps(self.count)
            if took - few > seconds or self.count == MOST_STEPS:
                return {"value": (took - few) / (self.count - 1) * self.row.scale, "peak_mib": peak}
            self.count = min(MOST_STEPS, self.count * 4)


class TorchStep:
    """A step of PyTorch in one setting, kept ready in a process."""

    def __init__(self, name, python, setting, row, threads):
        self.name, self.setting, self.row = name, setting, row
        self.command = [python, os.path.join(HERE, "torch_peer.py"), "--job", row.kind, "--net", row.net, "--batch",
                        str(row.batch), "--shape", row.shape, "--classes", str(row.classes), "--augment",
                        str(row.augment), "--setting", setting, "--threads", str(threads)]
        if row.mnist:
            self.command += ["--mnist", mnist_folder()]

    def start(self, calm):
        env = environment({**MALLOC, **calm, "TORCHINDUCTOR_CACHE_DIR": os.path.join(CACHE, "inductor")})
        self.worker = Worker(self.command, env, START_SECONDS)
        self.version = self.worker.version

    def measure(self, seconds, epochs):
        answer = self.worker.measure(seconds)
        return {"value": answer["step"] * self.row.scale, "peak_mib": answer["peak_mib"]}

    def stop(self):
        self.worker.stop()


class TorchScript:
    """The tutorial's script, from start to exit; or its memory after some steps."""

    def __init__(self, name, python, setting, row, threads):
        self.name, self.setting, self.row, self.python = name, setting, row, python
        self.command = [python, os.path.join(HERE, "torch_tutorial.py"), torchvision_root()]

    def start(self, calm):
        # The settings of malloc that save time cost memory.
        self.env = environment({**calm, **(MALLOC if self.row.kind == "whole" else {})})

    def measure(self, seconds, epochs):
        memory = self.row.kind == "memory"
        numbers = ["1", str(MEMORY_STEPS)] if memory else [str(epochs)]
        took, _, out = run_once(self.command + numbers, self.env, WHOLE_SECONDS)
        answer = json.loads(out.splitlines()[-1])
        self.version = answer["version"]
        return {"value": answer["peak_mib"] if memory else took, "peak_mib": answer["peak_mib"]}

    def stop(self):
        pass


class NcnnStep:
    """A network in ncnn on a Vulkan device, kept ready in a process."""

    def __init__(self, name, python, setting, row, threads):
        self.name, self.setting, self.row = name, setting, row
        self.folder = os.path.join(BUILD, "ncnn")
        self.command = [python, os.path.join(HERE, "ncnn_peer.py"), row.net, f"{row.batch}x{row.shape}", self.folder,
                        setting]

    def start(self, calm):
        os.makedirs(self.folder, exist_ok=True)
        self.worker = Worker(self.command, environment(calm), START_SECONDS)
        self.version = self.worker.version

    measure = TorchStep.measure
    stop = TorchStep.stop


class OnnxStep:
    """A network in ONNX Runtime, kept ready in a process."""

    def __init__(self, name, node, setting, row, threads, export_python):
        self.name, self.setting, self.row = name, setting, row
        self.export_python = export_python
        self.model = os.path.join(BUILD, "onnx", row.net + ".onnx")
        self.command = [node, os.path.join(HERE, "onnx_peer.js"), self.model, f"{row.batch}x{row.shape}", str(threads)]

    def start(self, calm):
        if not os.path.exists(self.model):
            os.makedirs(os.path.dirname(self.model), exist_ok=True)
            run_once([self.export_python, os.path.join(HERE, "torch_export.py"), os.path.dirname(self.model),
                      self.row.net], environment(), START_SECONDS)
        env = environment({"NODE_PATH": os.path.join(CACHE, "node", "node_modules"), **calm})
        self.worker = Worker(self.command, env, START_SECONDS)
        self.version = self.worker.version

    measure = TorchStep.measure
    stop = TorchStep.stop


def python_with(python, modules):
    """The interpreter, if it has the modules."""
    try:
        run_once([python, "-c", f"import {modules}"], environment(), 120)
    except (Failed, OSError) as error:
        raise Failed(str(error) if os.path.exists(python) else "it could not be installed") from None
    return python


def new_python(modules):
    return python_with(os.path.join(CACHE, "venv", "bin", "python"), modules)


def debian_python(modules):
    return python_with("/usr/bin/python3", modules)


def either_python(modules):
    try:
        return debian_python(modules)
    except Failed:
        return new_python(modules)


def node_with_runtime():
    node = shutil.which("node")
    if node is None:
        raise Failed("node is not installed")
    if not os.path.isdir(os.path.join(CACHE, "node", "node_modules", "onnxruntime-node")):
        raise Failed("its package onnxruntime-node could not be installed")
    either_python(TORCH)  # writes the networks
    return node


TORCH = "torch, torchvision"
FINDERS = {
    table.NEW: lambda: new_python(TORCH),
    table.DEBIAN: lambda: debian_python(TORCH),
    table.ONNX: node_with_runtime,
    table.NCNN: lambda: new_python(TORCH + ", ncnn, pnnx"),
}


def find_peers(names):
    """What each of these peers needs to run, or why it is not there: {name: path}, {name: reason}."""
    found, missing = {}, {}
    for name in sorted(names):
        try:
            found[name] = FINDERS[name]()
        except Failed as error:
            missing[name] = str(error)
    return found, missing


def peer(name, found, setting, row, threads):
    if name == table.ONNX:
        return OnnxStep(name, found[name], setting, row, threads, either_python(TORCH))
    if name == table.NCNN:
        return NcnnStep(name, found[name], setting, row, threads)
    kind = TorchStep if row.kind in ("train", "infer") else TorchScript
    return kind(name, found[name], setting, row, threads)


def peers_of(row, found, threads, quick):
    return [peer(name, found, setting, row, threads)
            for name, setting in (row.quick_peers if quick else row.peers) if name in found]
