#!/usr/bin/python3
"""Makes tests/trajectories: ten training steps of the tutorial's four networks in PyTorch.

    /usr/bin/python3 tools/trajectories.py CNNRUN      (Debian: python3-torch, python3-numpy)

cnnrun writes the initial weights (seed 0), PyTorch trains them in float64, so that what differs is
cnnrun's rounding alone, and a sample of every weight before and after is stored. The data are 80
noise images with the labels 0 to 9.
"""
import hashlib
import os
import subprocess
import sys
import tempfile

import numpy
import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from safetensors_file import read_safetensors, write_safetensors

SEED, STEPS, BATCH, SAMPLED = 0, 10, 8, 256
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
OUT = os.path.join(HERE, "tests", "trajectories")


def conv(w, name, x, padding=0):
    return F.conv2d(x, w[name + ".weight"], w[name + ".bias"], padding=padding)


def linear(w, name, x):
    return F.linear(x.flatten(1), w[name + ".weight"], w[name + ".bias"])


def simple(w, x):
    x = F.relu(F.max_pool2d(conv(w, "0", x), 2))
    x = F.relu(F.max_pool2d(conv(w, "3", x), 2))
    return linear(w, "7", x)


def hw1(w, x):
    for name in ("0", "3", "6"):
        x = F.max_pool2d(F.relu(conv(w, name, x)), 2)
    return linear(w, "10", x)


def inception_block(w, at, x):
    b5 = conv(w, at + ".b5x5.1", conv(w, at + ".b5x5.0", x), 2)
    b3 = conv(w, at + ".b3x3.1", conv(w, at + ".b3x3.0", x), 1)
    b3 = conv(w, at + ".b3x3.2", b3, 1)
    pool = conv(w, at + ".pool.1", F.avg_pool2d(x, 3, 1, 1))
    return torch.cat([conv(w, at + ".b1x1.0", x), b5, b3, pool], 1)


def inception(w, x):
    x = inception_block(w, "3", F.relu(F.max_pool2d(conv(w, "0", x), 2)))
    x = inception_block(w, "7", F.relu(F.max_pool2d(conv(w, "4", x), 2)))
    return linear(w, "9", x)


def residual_block(w, at, x):
    y = conv(w, at + ".0.main.2", F.relu(conv(w, at + ".0.main.0", x, 1)), 1)
    return F.relu(x + y)


def residual(w, x):
    x = residual_block(w, "3", F.max_pool2d(F.relu(conv(w, "0", x)), 2))
    x = residual_block(w, "7", F.max_pool2d(F.relu(conv(w, "4", x)), 2))
    return linear(w, "9", x)


def initial_weights(cnnrun, net):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([cnnrun, "train", os.path.join(HERE, "pipelines", f"mnist-{net}.yaml"),
                        f"data.source={{npy: {{x: {OUT}/x.npy, y: {OUT}/y.npy}}}}",
                        f"output.dir={folder}", f"train.seed={SEED}", "train.epochs=0", "--quiet"],
                       check=True)
        return read_safetensors(os.path.join(folder, "model.safetensors"))


def train(forward, start, images, labels):
    w = {name: torch.tensor(v, dtype=torch.float64, requires_grad=True) for name, v in start.items()}
    optimizer = torch.optim.SGD(w.values(), lr=0.01, momentum=0.5)
    for step in range(STEPS):
        part = slice(step * BATCH, (step + 1) * BATCH)
        optimizer.zero_grad()
        F.cross_entropy(forward(w, images[part]), labels[part]).backward()
        optimizer.step()
    return {name: v.detach().numpy() for name, v in w.items()}


def sample(values):
    flat = values.reshape(-1)
    return flat[::-(-flat.size // SAMPLED)].astype("<f4")


def main():
    torch.set_num_threads(1)
    os.makedirs(OUT, exist_ok=True)
    random = numpy.random.default_rng(SEED)
    pixels = random.integers(0, 256, (STEPS * BATCH, 1, 28, 28), dtype=numpy.uint8)
    labels = numpy.arange(STEPS * BATCH, dtype="<i4") % 10
    numpy.save(os.path.join(OUT, "x.npy"), pixels)
    numpy.save(os.path.join(OUT, "y.npy"), labels)
    images = (torch.tensor(pixels, dtype=torch.float64) / 255 - 0.1307) / 0.3081
    for net, forward in (("simple", simple), ("hw1", hw1), ("inception", inception),
                         ("residual", residual)):
        start = initial_weights(sys.argv[1], net)
        end = train(forward, start, images, torch.tensor(labels, dtype=torch.int64))
        stored = {}
        for name in start:
            stored["start/" + name] = sample(start[name])
            stored["end/" + name] = sample(end[name])
        path = os.path.join(OUT, net + ".safetensors")
        write_safetensors(path, stored, {"torch": torch.__version__, "seed": str(SEED),
                                         "maker": "tools/trajectories.py"})
    with open(os.path.join(OUT, "SHA256SUMS"), "w") as f:
        for name in sorted(os.listdir(OUT)):
            if name.endswith((".npy", ".safetensors")):
                with open(os.path.join(OUT, name), "rb") as g:
                    f.write(f"{hashlib.sha256(g.read()).hexdigest()}  {name}\n")


main()
