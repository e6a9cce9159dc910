"""PyTorch's side of one row of the benchmark, in one of its settings.

Prepares a training step or a forward pass, warms it up, and is measured on demand: peer.py.
"""
import argparse
import os
import struct
import warnings

warnings.filterwarnings("ignore")

WARM_UP_STEPS = 5
WARM_UP_SECONDS = 0.5
HELD_BATCHES = 200  # made-up batches in memory; more would only cost memory


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", choices=["train", "infer"], required=True)
    parser.add_argument("--net", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--shape", required=True, help="of a sample: 1x28x28")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--mnist", help="folder of the IDX files; without it the data are made up")
    parser.add_argument("--augment", type=int, default=0, help="pixels of padding for random crops and flips")
    parser.add_argument("--setting", default="plain", help="plain or a sum: channels_last+compile, jit, ...")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


args = arguments()
settings = set(args.setting.split("+"))
shape = [int(n) for n in args.shape.split("x")]

import torch  # noqa: E402: --help need not wait for it

import peer  # noqa: E402
import torch_nets  # noqa: E402


def idx_file(name):
    """An IDX file of bytes as a tensor."""
    with open(os.path.join(args.mnist, name), "rb") as file:
        ndim = struct.unpack(">I", file.read(4))[0] & 255
        dims = struct.unpack(f">{ndim}I", file.read(4 * ndim))
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).view(*dims)


def mnist(split):
    images = idx_file(f"{split}-images-idx3-ubyte").unsqueeze(1).float()
    return (images / 255 - 0.1307) / 0.3081, idx_file(f"{split}-labels-idx1-ubyte").long()


def samples():
    if args.mnist:
        return mnist("train" if args.job == "train" else "t10k")
    count = args.batch * (HELD_BATCHES if shape[1] < 100 else 4)
    return torch.randn(count, *shape), torch.randint(0, args.classes, (count,))


def in_layout(x):
    if "channels_last" in settings:
        return x.contiguous(memory_format=torch.channels_last)
    return x


class Batches:
    """Batches of samples that lie in memory in the order of use."""

    def __init__(self, x, y):
        self.x, self.y = in_layout(x), y
        self.at = 0

    def __call__(self):
        if self.at + args.batch > len(self.y):
            self.at = 0
        part = slice(self.at, self.at + args.batch)
        self.at += args.batch
        return self.x[part], self.y[part]


class AugmentedBatches:
    """Random crops of padded images, half of them mirrored, a whole batch with one gather."""

    def __init__(self, x, y):
        # Channels last: a gathered pixel is then one piece of memory.
        padded = torch.nn.functional.pad(x, [args.augment] * 4)
        self.x, self.y = padded.permute(0, 2, 3, 1).contiguous(), y

    def __call__(self):
        n, pixels = args.batch, torch.arange(shape[1])
        pick = torch.randint(0, len(self.y), (n,))
        rows = torch.randint(0, 2 * args.augment + 1, (n, 1)) + pixels
        columns = torch.randint(0, 2 * args.augment + 1, (n, 1)) + pixels
        mirrored = torch.rand(n, 1) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
        x = self.x[pick[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
        return (x if "channels_last" in settings else x.contiguous()), self.y[pick]


def optimizer(net):
    options = {"lr": 0.01, "momentum": 0.5}
    if "compile" in settings:
        options["fused"] = True  # one pass over all parameters, as a compiled step would do it
    return torch.optim.SGD(net.parameters(), **options)


def training(net):
    batches = (AugmentedBatches if args.augment else Batches)(*samples())
    criterion = torch.nn.CrossEntropyLoss()
    update = optimizer(net)

    def loss_of(x, y):
        return criterion(net(x), y)

    if "compile" in settings:
        loss_of = torch.compile(loss_of, dynamic=False)

    def step():
        x, y = batches()
        update.zero_grad()
        loss_of(x, y).backward()
        update.step()

    return step


def inference(net):
    net.eval()
    batches = Batches(*samples())
    if "jit" in settings:
        with torch.no_grad():
            traced = torch.jit.trace(net, batches()[0])
            net = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
    if "compile" in settings:
        from torch._inductor import config
        config.freezing = True
        net = torch.compile(net, dynamic=False)
    guard = torch.no_grad if "compile" in settings else torch.inference_mode

    def step():
        with guard():
            return net(batches()[0]).argmax(1)

    return step


def prepare():
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    net = torch_nets.make(args.net)
    if "channels_last" in settings:
        net = net.to(memory_format=torch.channels_last)
    step = (training if args.job == "train" else inference)(net)
    peer.run_for(step, WARM_UP_SECONDS, WARM_UP_STEPS)
    return step


peer.serve(prepare, torch.__version__)
