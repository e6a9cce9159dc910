#!/usr/bin/python3
"""Makes tests/classics: outputs and gradients of the networks of pipelines/classics in PyTorch.

    /usr/bin/python3 tools/classics.py TEST_CLASSICS [NAME ...]      (Debian: python3-torchvision)

TEST_CLASSICS is the test program, which lists the weights of a pipeline. Weights and images come from the
formula of tests/classics/formula.h; PyTorch computes in float64. Gradients are those of the network with elu in
the place of relu, and with averages in the place of maxima.
"""
import os
import subprocess
import sys
import warnings

import numpy
import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import classics_nets
from safetensors_file import write_safetensors

warnings.filterwarnings("ignore")
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
max_pool2d = F.max_pool2d
OUT = os.path.join(HERE, "tests", "classics")
DIRECTIONS, IMAGES = 3, 0xFFFFFFFF
SEED = 1


def mix(x):
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return x ^ (x >> 16)


def numbers(seed, stream, count):
    stream = mix((stream + mix(seed)) & 0xFFFFFFFF)
    return mix((numpy.arange(count, dtype=numpy.uint64) + stream) & 0xFFFFFFFF)


def unit(seed, stream, count):
    return (numbers(seed, stream, count) >> 8).astype("f8") / 8388608 - 1


def sign(seed, stream, count):
    return numpy.where(numbers(seed, stream, count) >> 31, 1.0, -1.0)


def listed(program, pipeline, case):
    lines = subprocess.run([program, "-", pipeline, *case], check=True, capture_output=True, text=True).stdout
    return [(name, [int(d) for d in dims]) for name, *dims in (line.split() for line in lines.splitlines())]


def paired(net, weights):
    """(cnnrun's name, PyTorch's name), in order; shapes and kinds must agree."""
    ours = [(name, value) for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")]
    assert len(ours) == len(weights), (len(ours), len(weights))
    for (name, value), (theirs, dims) in zip(ours, weights):
        same = list(value.shape) == dims and name.split(".")[-1] == theirs.split(".")[-1]
        assert same, (name, list(value.shape), theirs, dims)
    return [(theirs, name) for (name, _), (theirs, _) in zip(ours, weights)]


def fill(net, pairs, seed):
    state = net.state_dict()
    for k, (ours, name) in enumerate(pairs):
        dims = state[name].shape
        factor = ours.endswith((".weight", ".running_var"))
        middle = 1 if len(dims) == 1 and factor else 0
        radius = numpy.sqrt(6 / numpy.prod(dims[1:])) if len(dims) > 1 else 0.25
        values = middle + radius * unit(seed, 4 * k, state[name].numel())
        state[name] = torch.tensor(values.astype("f4").reshape(dims), dtype=torch.float64)
    net.load_state_dict(state)


def batch(seed, shape, classes):
    x = (2 * unit(seed, IMAGES, int(numpy.prod(shape)))).astype("f4").reshape(shape)
    return torch.tensor(x, dtype=torch.float64), torch.tensor([(7 * i + 3) % classes for i in range(shape[0])])


def use(relu, relu6, pool):
    F.relu = lambda x, inplace=False: relu(x)
    torch.nn.ReLU.forward = lambda self, x: relu(x)
    torch.nn.ReLU6.forward = lambda self, x: relu6(x)
    torch.nn.MaxPool2d.forward = lambda m, x: pool(x, m.kernel_size, m.stride, m.padding, ceil_mode=m.ceil_mode)


def measures(net, pairs, seed):
    """Of each gradient the norm and its projections."""
    rows, parameters = [], dict(net.named_parameters())
    for k, (_, name) in enumerate(pairs):
        if name in parameters:
            g = parameters[name].grad.numpy().reshape(-1)
            rows.append([numpy.linalg.norm(g)] + [g @ sign(seed, 4 * k + d, g.size) for d in range(1, DIRECTIONS + 1)])
    return numpy.array(rows)


def gradients(net, pairs, seed, x, y):
    net.train()
    net.zero_grad()
    use(F.elu, F.elu, F.avg_pool2d)
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    return loss.detach().numpy(), measures(net, pairs, seed)


def outputs(net, x):
    use(torch.relu, lambda v: v.clamp(0, 6), max_pool2d)
    net.eval()
    with torch.no_grad():
        return net(x).numpy()


def make(program, name, case):
    shape, classes = [int(d) for d in case[0].split("x")], int(case[1])
    net = classics_nets.make(name).double()
    pairs = paired(net, listed(program, os.path.join(HERE, "pipelines", "classics", name + ".yaml"), case))
    x, y = batch(SEED, shape, classes)
    fill(net, pairs, SEED)
    output = outputs(net, x)
    loss, rows = gradients(net, pairs, SEED, x, y)
    print(f"{name}: loss {loss:.3f}, largest output {numpy.abs(output).max():.3g}", flush=True)
    write_safetensors(os.path.join(OUT, name + ".safetensors"),
                      {"output": output.astype("<f4"), "loss": loss.reshape(1).astype("<f4"),
                       "gradients": rows.astype("<f4")},
                      {"seed": str(SEED), "torch": torch.__version__, "maker": "tools/classics.py"})


def main():
    torch.set_num_threads(2)
    torch.manual_seed(0)
    with open(os.path.join(OUT, "cases.txt")) as f:
        cases = [line.split() for line in f if not line.startswith("#")]
    for name, _, *case in cases:
        if len(sys.argv) < 3 or name in sys.argv[2:]:
            make(sys.argv[1], name, case)


main()
