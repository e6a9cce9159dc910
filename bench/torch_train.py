"""PyTorch's side of docs/results.md: trains a network of tools/classics_nets.py on CIFAR-10 by cnnrun's recipe.

It starts from the weights that cnnrun starts from (--weights) and sees the same batches: the same images in the same
order, cut and mirrored by the same random numbers. So what differs is the arithmetic alone. Prints one line of JSON:
PyTorch's version, the accuracy on the test images in percent, and the losses of the first steps.
"""
import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "tools"))

RECORD, SIDE, PADDING = 3073, 32, 4
MEAN, STD = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]
TOLD = 10  # steps whose losses are told


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", required=True, help="a name of tools/classics_nets.py")
    parser.add_argument("--data", required=True, help="folder of data_batch_1.bin ...")
    parser.add_argument("--weights", required=True, help="model.safetensors of cnnrun train ... train.epochs=0")
    parser.add_argument("--seed", type=int, default=0, help="of the order and of the augmentation")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many; 0: no limit")
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--max-lr", type=float, required=True, help="highest rate of the cycle")
    parser.add_argument("--pct-start", type=float, default=0.3, help="share of the steps in which the rate rises")
    parser.add_argument("--momentum", type=float, default=0)
    parser.add_argument("--weight-decay", type=float, default=0)
    parser.add_argument("--nesterov", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


args = arguments()

import torch  # noqa: E402: --help need not wait for it

import classics_nets  # noqa: E402
import philox  # noqa: E402
from safetensors_file import read_safetensors  # noqa: E402


def cifar10(*names):
    """Images [N, 3, 32, 32] as bytes, and labels."""
    records = b""
    for name in names:
        with open(os.path.join(args.data, name), "rb") as file:
            records += file.read()
    table = torch.frombuffer(bytearray(records), dtype=torch.uint8).view(-1, RECORD)
    return table[:, 1:].reshape(-1, 3, SIDE, SIDE), table[:, 0].long()


def normalized(x):
    """Bytes, channels last -> numbers, channels last in memory only."""
    return (((x.float() / 255) - torch.tensor(MEAN)) / torch.tensor(STD)).permute(0, 3, 1, 2)


class TrainingBatches:
    """cnnrun's batches of an epoch: a whole one is cut and mirrored with one gather."""

    def __init__(self, x, y):
        # Channels last: a gathered pixel is then one piece of memory. Zeros are padded before the numbers are
        # normalised, as cnnrun and torchvision do it.
        self.x = torch.nn.functional.pad(x, [PADDING] * 4).permute(0, 2, 3, 1).contiguous()
        self.y = y

    def __len__(self):
        return -(-len(self.y) // args.batch)

    def epoch(self, number):
        order = torch.from_numpy(philox.shuffled(len(self.y), args.seed, number))
        drawn = philox.crops_and_flips(len(self.y), args.seed, number, PADDING)
        rows, columns, flips = (torch.from_numpy(values) for values in drawn)
        pixels = torch.arange(SIDE)
        for pick in order.split(args.batch):
            r, c = rows[pick, None] + pixels, columns[pick, None] + pixels
            c = torch.where(flips[pick, None], c.flip(1), c)
            yield normalized(self.x[pick[:, None, None], r[:, :, None], c[:, None, :]]), self.y[pick]


def start_from(net, path):
    """The weights have other names, but stand in the same order."""
    state = net.state_dict()
    names = [name for name in state if not name.endswith("num_batches_tracked")]
    stored = read_safetensors(path)
    assert len(names) == len(stored), (len(names), len(stored))
    for name, (theirs, values) in zip(names, stored.items()):
        same = list(state[name].shape) == list(values.shape) and name.split(".")[-1] == theirs.split(".")[-1]
        assert same, (name, list(state[name].shape), theirs, list(values.shape))
        state[name] = torch.tensor(values)
    net.load_state_dict(state)


def train(net, batches):
    total = args.epochs * len(batches)
    total = min(total, args.steps) if args.steps > 0 else total
    optimizer = torch.optim.SGD(net.parameters(), lr=args.max_lr, momentum=args.momentum,
                                weight_decay=args.weight_decay, nesterov=args.nesterov)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.max_lr, total_steps=total, pct_start=args.pct_start,
                                                   cycle_momentum=False)
    criterion, losses = torch.nn.CrossEntropyLoss(), []
    net.train()
    for epoch in range(args.epochs):
        for x, y in batches.epoch(epoch):
            if len(losses) == total:
                return losses
            optimizer.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    return losses


def accuracy(net, x, y):
    net.eval()
    with torch.inference_mode():
        right = [(net(normalized(part.permute(0, 2, 3, 1))).argmax(1) == labels).sum().item()
                 for part, labels in zip(x.split(args.batch), y.split(args.batch))]
    return 100 * sum(right) / len(y)


def main():
    torch.set_num_threads(args.threads)
    net = classics_nets.make(args.net)
    start_from(net, args.weights)
    net = net.to(memory_format=torch.channels_last)
    losses = train(net, TrainingBatches(*cifar10(*[f"data_batch_{i}.bin" for i in range(1, 6)])))
    print(json.dumps({"version": torch.__version__, "accuracy": accuracy(net, *cifar10("test_batch.bin")),
                      "losses": losses[:TOLD]}))


main()
