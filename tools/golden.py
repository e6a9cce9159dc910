#!/usr/bin/python3
"""Makes tests/golden: what PyTorch says about every op, forward and backward.

    /usr/bin/python3 tools/golden.py         (Debian: python3-torch, python3-numpy)

Inputs are float32 numbers, PyTorch computes with them in float64. ops.yaml lists the cases: op,
attributes as cnnrun writes them. ops.safetensors holds for each case "<case>/inK", "<case>/outK", and,
where a gradient is defined, "<case>/dy" for the first result and "<case>/dinK" = d sum(out0 * dy) / d inK.
"""
import hashlib
import os
import sys

import numpy
import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from safetensors_file import write_safetensors

SEED = 0
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden")

random = numpy.random.default_rng(SEED)
tensors, lines = {}, []


def normal(*shape):
    return torch.tensor(random.standard_normal(shape).astype("float32"), dtype=torch.float64)


def positive(*shape):
    return normal(*shape).abs().float().double() + 0.5


def store(name, value):
    value = value.detach()
    integer = not value.is_floating_point()
    tensors[name] = value.numpy().astype("<i4" if integer else "<f4")


def case(name, op, attrs, inputs, function, gradient=True):
    """function(*inputs) -> a result or a tuple of them; gradients for all float inputs."""
    leaves = [i.clone().requires_grad_(gradient) if i.is_floating_point() else i for i in inputs]
    out = function(*leaves)
    out = out if isinstance(out, tuple) else (out,)
    for k, value in enumerate(inputs):
        store(f"{name}/in{k}", value)
    for k, value in enumerate(out):
        store(f"{name}/out{k}", value)
    if gradient:
        dy = normal(*out[0].shape)
        store(f"{name}/dy", dy)
        (out[0] * dy).sum().backward()
        for k, leaf in enumerate(leaves):
            if leaf.is_floating_point():
                store(f"{name}/din{k}", leaf.grad if leaf.grad is not None else torch.zeros_like(leaf))
    lines.append(f"- {{case: {name}, op: {op}, outputs: {len(out)}, attrs: {{{attrs}}}}}")


def conv_cases():
    def conv(pad, **options):
        top, bottom, left, right = pad
        return lambda x, w: F.conv2d(F.pad(x, (left, right, top, bottom)), w, **options)

    zero = (0, 0, 0, 0)
    case("conv2d.plain", "conv2d", "", [normal(2, 3, 7, 5), normal(4, 3, 3, 3)], conv(zero))
    case("conv2d.one_by_one", "conv2d", "", [normal(1, 3, 1, 1), normal(5, 3, 1, 1)], conv(zero))
    case("conv2d.stride", "conv2d", "stride: [2, 3]", [normal(2, 3, 11, 13), normal(2, 3, 3, 2)],
         conv(zero, stride=(2, 3)))
    case("conv2d.pad", "conv2d", "pad: [1, 2, 0, 3]", [normal(2, 2, 5, 7), normal(3, 2, 3, 5)],
         conv((1, 2, 0, 3)))
    case("conv2d.dilation", "conv2d", "dilation: [2, 3], pad: 2",
         [normal(1, 2, 9, 11), normal(3, 2, 3, 3)], conv((2, 2, 2, 2), dilation=(2, 3)))
    case("conv2d.groups", "conv2d", "groups: 2, pad: 1, stride: 2",
         [normal(2, 4, 7, 7), normal(6, 2, 3, 3)], conv((1, 1, 1, 1), groups=2, stride=2))
    case("conv2d.depthwise", "conv2d", "groups: 5", [normal(2, 5, 6, 6), normal(5, 1, 3, 3)],
         conv(zero, groups=5))
    case("conv2d.transposed", "conv2d_input_grad", "stride: 2, pad: 1, size: [8, 10]",
         [normal(2, 3, 4, 5), normal(3, 2, 3, 3)],
         lambda dy, w: F.conv_transpose2d(dy, w, stride=2, padding=1, output_padding=1))
    case("conv2d.transposed_groups", "conv2d_input_grad", "groups: 2, size: [6, 7]",
         [normal(1, 4, 4, 5), normal(4, 3, 3, 3)],
         lambda dy, w: F.conv_transpose2d(dy, w, groups=2))
    case("conv2d.weight_grad", "conv2d_weight_grad", "size: [3, 2], stride: 2",
         [normal(3, 2, 7, 8), normal(3, 4, 3, 4)],
         lambda x, dy: F.conv2d(x.transpose(0, 1), dy.transpose(0, 1), dilation=2)
         .transpose(0, 1)[:, :, :3, :2])


def matmul_cases():
    for a in (False, True):
        for b in (False, True):
            x = normal(7, 5) if a else normal(5, 7)
            y = normal(3, 7) if b else normal(7, 3)
            case(f"matmul.{int(a)}{int(b)}", "matmul",
                 f"trans_a: {str(a).lower()}, trans_b: {str(b).lower()}", [x, y],
                 lambda x, y, a=a, b=b: (x.T if a else x) @ (y.T if b else y))


def pool_cases():
    x = lambda: normal(2, 3, 7, 9)
    case("max_pool2d.plain", "max_pool2d", "kernel: 2, stride: 2", [x()], lambda x: F.max_pool2d(x, 2))
    case("max_pool2d.ceil", "max_pool2d", "kernel: 2, stride: 2, ceil_mode: true", [x()],
         lambda x: F.max_pool2d(x, 2, ceil_mode=True))
    case("max_pool2d.overlap", "max_pool2d", "kernel: [3, 2], stride: [1, 2], pad: [1, 1, 0, 0]", [x()],
         lambda x: F.max_pool2d(x, (3, 2), (1, 2), (1, 0)))
    case("max_pool2d.dilation", "max_pool2d", "kernel: 3, stride: 1, dilation: 2", [x()],
         lambda x: F.max_pool2d(x, 3, 1, dilation=2))
    case("avg_pool2d.plain", "avg_pool2d", "kernel: 2, stride: 2, count_include_pad: true", [x()],
         lambda x: F.avg_pool2d(x, 2))
    case("avg_pool2d.pad", "avg_pool2d", "kernel: 3, stride: 2, pad: 1, count_include_pad: true", [x()],
         lambda x: F.avg_pool2d(x, 3, 2, 1))
    case("avg_pool2d.exclude", "avg_pool2d", "kernel: 3, stride: 2, pad: 1", [x()],
         lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False))
    case("avg_pool2d.ceil", "avg_pool2d",
         "kernel: 3, stride: 2, pad: 1, ceil_mode: true, count_include_pad: true", [normal(2, 3, 6, 8)],
         lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True))
    case("avg_pool2d.adaptive", "avg_pool2d", "adaptive: [3, 4]", [x()],
         lambda x: F.adaptive_avg_pool2d(x, (3, 4)))
    case("avg_pool2d.global", "avg_pool2d", "adaptive: 1", [x()], lambda x: F.adaptive_avg_pool2d(x, 1))


def pad_and_resize_cases():
    for mode in ("constant", "reflect", "replicate", "circular"):
        value = 1.5 if mode == "constant" else 0
        options = {"value": value} if mode == "constant" else {}
        case(f"pad2d.{mode}", "pad2d", f"mode: {mode}, pad: [1, 2, 3, 0], value: {value}",
             [normal(2, 2, 5, 6)], lambda x, m=mode, o=options: F.pad(x, (3, 0, 1, 2), m, **o))
    case("pad2d.crop", "pad2d", "pad: [-1, 1, 0, -2]", [normal(1, 2, 5, 6)],
         lambda x: F.pad(x, (0, -2, -1, 1)))
    for size in ((7, 10), (3, 2)):
        case(f"resize2d.nearest{size[0]}", "resize2d", f"size: [{size[0]}, {size[1]}]",
             [normal(2, 2, 5, 4)], lambda x, s=size: F.interpolate(x, s, mode="nearest"))
        for corners in (False, True):
            case(f"resize2d.bilinear{size[0]}{int(corners)}", "resize2d",
                 f"mode: bilinear, size: [{size[0]}, {size[1]}], align_corners: {str(corners).lower()}",
                 [normal(2, 2, 5, 4)],
                 lambda x, s=size, c=corners: F.interpolate(x, s, mode="bilinear", align_corners=c))


def norm_and_loss_cases():
    def norm(x, w, b):
        axes = [a for a in range(x.dim()) if a != 1]
        return (F.batch_norm(x, None, None, w, b, True, eps=1e-5), x.mean(axes), x.var(axes, False))

    case("batch_norm.images", "batch_norm", "eps: 1e-5", [normal(3, 4, 5, 2), normal(4), normal(4)], norm)
    case("batch_norm.features", "batch_norm", "eps: 1e-5", [normal(7, 5), normal(5), normal(5)], norm)
    for log in (False, True):
        f = F.log_softmax if log else F.softmax
        for axis in (1, 2):
            case(f"softmax.{'log' if log else 'plain'}{axis}", "softmax",
                 f"axis: {axis}, log: {str(log).lower()}", [normal(3, 5, 2) * 4],
                 lambda x, f=f, a=axis: f(x, a))
    target = torch.tensor([4, 0, 2, 2], dtype=torch.int64)
    ignored = torch.tensor([4, -100, 2, 0], dtype=torch.int64)
    space = torch.tensor(random.integers(0, 5, (2, 3, 2)), dtype=torch.int64)
    ce = lambda **o: lambda x, t: F.cross_entropy(x, t, reduction="none", **o)
    case("cross_entropy.plain", "cross_entropy", "", [normal(4, 5) * 3, target], ce())
    case("cross_entropy.smooth", "cross_entropy", "label_smoothing: 0.1", [normal(4, 5), target],
         ce(label_smoothing=0.1))
    case("cross_entropy.ignore", "cross_entropy", "", [normal(4, 5), ignored], ce())
    case("cross_entropy.space", "cross_entropy", "", [normal(2, 5, 3, 2), space], ce())


def shape_cases():
    x = lambda: normal(2, 3, 4)
    case("reduce.sum", "reduce", "kind: sum, axes: 5", [x()], lambda x: x.sum((0, 2)))
    case("reduce.mean_keep", "reduce", "kind: mean, axes: 2, keepdim: true", [x()],
         lambda x: x.mean(1, keepdim=True))
    case("reduce.all", "reduce", "kind: mean, axes: 7", [x()], lambda x: x.mean())
    case("reduce.max", "reduce", "kind: max, axes: 6", [x()], lambda x: x.amax((1, 2)))
    case("reduce.max_ties", "reduce", "kind: max, axes: 1", [torch.tensor([[1.0, 2], [1, 3]]).double()],
         lambda x: x.amax(0))
    case("concat.channels", "concat", "axis: 1", [x(), normal(2, 1, 4), x()],
         lambda *v: torch.cat(v, 1))
    case("concat.batch", "concat", "axis: 0", [x(), normal(1, 3, 4)], lambda *v: torch.cat(v, 0))
    case("slice.middle", "slice", "axis: 1, start: 1, length: 2", [x()], lambda x: x[:, 1:3])
    case("slice.last", "slice", "axis: 2, start: 2, length: 2", [x()], lambda x: x[:, :, 2:])
    case("reshape.flat", "reshape", "dims: [6, 4]", [x()], lambda x: x.reshape(6, 4))
    case("transpose.three", "transpose", "dims: [2, 0, 1]", [x()], lambda x: x.permute(2, 0, 1))
    case("argmax.one", "argmax", "axis: 1", [x()], lambda x: x.argmax(1), gradient=False)
    case("argmax.ties", "argmax", "axis: 0", [torch.tensor([[1.0, 2], [1, 2]]).double()],
         lambda x: torch.tensor([0, 0]), gradient=False)
    case("cast.truncates", "cast", "dtype: i32", [torch.tensor([1.9, -1.9, 0.2, -7]).double()],
         lambda x: x.to(torch.int32), gradient=False)


def map_cases():
    one = {"neg": torch.neg, "abs": torch.abs, "exp": torch.exp, "expm1": torch.expm1, "sin": torch.sin,
           "cos": torch.cos, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "erf": torch.erf}
    only_positive = {"log": torch.log, "log1p": torch.log1p, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt}
    two = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div,
           "min": torch.minimum, "max": torch.maximum}
    constant = {"sign": torch.sign, "floor": torch.floor}
    compare = {"lt": torch.lt, "le": torch.le, "eq": torch.eq}
    for name, f in one.items():
        case(f"map.{name}", f"map_{name}", "", [normal(2, 5)], f)
    for name, f in only_positive.items():
        case(f"map.{name}", f"map_{name}", "", [positive(2, 5)], f)
    for name, f in constant.items():
        case(f"map.{name}", f"map_{name}", "", [normal(2, 5)], f, gradient=False)
    for name, f in two.items():
        case(f"map.{name}", f"map_{name}", "", [normal(2, 3, 5), positive(3, 1)], f)
    case("map.pow", "map_pow", "", [positive(2, 3), normal(1, 3)], torch.pow)
    for name, f in compare.items():
        case(f"map.{name}", f"map_{name}", "", [torch.tensor([1.0, 2, 3]).double(),
             torch.tensor([2.0, 2, 2]).double()], lambda a, b, f=f: f(a, b).double(), gradient=False)
    case("map.select", "map_select", "", [torch.tensor([1.0, 0, -2, 0]).double(), normal(3, 4), normal(3, 1)],
         lambda c, a, b: torch.where(c != 0, a, b) + 0 * c)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    for group in (conv_cases, matmul_cases, pool_cases, pad_and_resize_cases, norm_and_loss_cases,
                  shape_cases, map_cases):
        group()
    path = os.path.join(OUT, "ops.safetensors")
    write_safetensors(path, tensors, {"torch": torch.__version__, "seed": str(SEED),
                                      "maker": "tools/golden.py"})
    with open(path, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    with open(os.path.join(OUT, "ops.yaml"), "w") as f:
        f.write(f"# Made by tools/golden.py with torch {torch.__version__}, seed {SEED}.\n")
        f.write(f"sha256: {digest}\ncases:\n" + "\n".join(lines) + "\n")


main()
