"""The rows of the benchmark: what is measured, against whom, and what is expected of cnnrun."""
from dataclasses import dataclass
from typing import Optional, Tuple

NEW, DEBIAN, ONNX, NCNN = "PyTorch", "Debian's PyTorch", "ONNX Runtime", "ncnn, Vulkan"

# Settings of PyTorch: (version, setting). A compiled step needs a newer PyTorch than Debian's.
EAGER = ((NEW, "plain"), (NEW, "channels_last"), (DEBIAN, "plain"), (DEBIAN, "channels_last"))
COMPILED = ((NEW, "compile"), (NEW, "channels_last+compile"))
OPTIMIZED = ((NEW, "jit"), (NEW, "channels_last+jit"), (DEBIAN, "jit"), (DEBIAN, "channels_last+jit"))
TRAINING = EAGER + COMPILED
INFERENCE = EAGER + OPTIMIZED + COMPILED
QUICK_TRAINING = ((NEW, "channels_last"), (DEBIAN, "channels_last"))
QUICK_INFERENCE = ((NEW, "channels_last+jit"), (DEBIAN, "jit"))
SCRIPT = ((NEW, "script"), (DEBIAN, "script"))
RUNTIME = ((ONNX, "all optimizations"),)
VULKAN = ((NCNN, "fp32"), (NCNN, "fp32+plain"))

# Kinds of rows whose goals are of the figure itself, instead of how many times as fast as a peer it is.
AT_MOST, AT_LEAST = ("memory", "start_up", "dispatch", "backward"), ("rate",)


@dataclass(frozen=True)
class Row:
    name: str
    work: str
    # train, infer: a step is timed; whole: processes; memory: their largest resident memory; start_up: a process
    # without the steps it takes; dispatch: a step of many kernels; backward: a training step over its forward pass; rate:
    # multiply-adds (two operations) of a forward pass
    kind: str
    pipeline: str
    peers: Tuple
    quick_peers: Tuple
    net: str = ""
    batch: int = 64
    shape: str = "1x28x28"
    classes: int = 10
    overlay: str = ""  # a file on top of the pipeline
    mnist: bool = False
    augment: int = 0
    unit: str = "s"
    scale: float = 1.0  # a step in seconds times this is the figure in that unit
    must: Optional[float] = None  # times as fast as the peer; of AT_MOST and AT_LEAST the figure
    aim: Optional[float] = None
    train_macs: int = 0  # multiply-adds of a sample, forward and backward, of the figure's floor
    samples: int = 0  # in what the figure covers


PLAIN, SMALL = "bench/pipelines/plain.yaml", "bench/pipelines/small.yaml"
EPOCH = 60000
EPOCH_STEPS = EPOCH / 64


def mnist_training(name, must, aim, train_macs):
    return Row(f"train-{name}", f"train {name}, an epoch of 60,000", "train", f"pipelines/mnist-{name}.yaml", TRAINING,
               QUICK_TRAINING, net=name, mnist=True, scale=EPOCH_STEPS, must=must, aim=aim, train_macs=train_macs,
               samples=EPOCH)


def against_runtime(name, title, must, aim):
    return Row(f"infer-{name}", f"infer {title} at 224, batch 1", "infer", f"pipelines/classics/{name}.yaml", RUNTIME,
               RUNTIME, net=name, overlay=PLAIN, batch=1, shape="3x224x224", classes=1000, unit="ms", scale=1e3,
               must=must, aim=aim)


ROWS = (
    # Multiply-adds of training: those of the convolutions three times (result, gradients of weights and of
    # inputs), those of the first one twice.
    mnist_training("hw1", 4, 6, 3 * 363600 - 144000),
    mnist_training("simple", 3.5, 5, 3 * 467200 - 144000),
    mnist_training("residual", 2.2, 3, 3 * 2013184 - 230400),
    mnist_training("inception", 1.8, 2.5, 3 * 6019200 - 144000),
    Row("train-resnet20", "train ResNet-20, 32x32, batch 128, augmented, an epoch of 50,000", "train",
        "pipelines/classics/resnet20.yaml", TRAINING, QUICK_TRAINING, net="resnet20", overlay=SMALL, batch=128,
        shape="3x32x32", augment=4, scale=50000 / 128, must=1.5, aim=2.5),
    Row("train-resnet18", "train ResNet-18 at 224, batch 16, a step", "train", "pipelines/classics/resnet18.yaml",
        TRAINING, QUICK_TRAINING, net="resnet18", overlay=PLAIN, batch=16, shape="3x224x224", classes=1000,
        must=1.1, aim=1.4),
    Row("whole-hw1", "the whole Homework 1 run, 10 epochs with tests", "whole", "pipelines/mnist-hw1.yaml", SCRIPT,
        SCRIPT, must=10, aim=15),
    Row("infer-hw1", "infer 10,000 Homework 1 images, batch 64", "infer", "pipelines/mnist-hw1.yaml", INFERENCE,
        QUICK_INFERENCE, net="hw1", mnist=True, unit="ms", scale=1e3 * 10000 / 64, must=2.5, aim=3.5),
    Row("infer-hw1-1", "infer Homework 1, batch 1, an image", "infer", "pipelines/mnist-hw1.yaml", INFERENCE,
        QUICK_INFERENCE, net="hw1", mnist=True, batch=1, unit="us", scale=1e6, must=8, aim=12),
    against_runtime("resnet18", "ResNet-18", 0.9, 1.1),
    against_runtime("resnet50", "ResNet-50", 0.9, 1.1),
    against_runtime("vgg16", "VGG-16", 0.9, 1.1),
    against_runtime("mobilenet_v2", "MobileNetV2", 0.8, 1.0),
    against_runtime("squeezenet1_1", "SqueezeNet 1.1", 0.8, 1.0),
    Row("memory-hw1", "peak memory, training Homework 1", "memory", "pipelines/mnist-hw1.yaml", SCRIPT, SCRIPT,
        unit="MiB", must=90, aim=70),
)


def against_ncnn(name, title):
    return Row(f"vulkan-{name}", f"infer {title} at 224, batch 1", "infer", f"pipelines/classics/{name}.yaml", VULKAN,
               VULKAN, net=name, overlay=PLAIN, batch=1, shape="3x224x224", classes=1000, unit="ms", scale=1e3, must=1)


# With --vulkan. Starting a kernel is the difference of two steps with so many.
FEW_KERNELS, MANY_KERNELS = 100, 500
VULKAN_ROWS = (
    against_ncnn("resnet18", "ResNet-18"),
    against_ncnn("squeezenet1_1", "SqueezeNet 1.1"),
    against_ncnn("mobilenet_v2", "MobileNetV2"),
    Row("vulkan-rate", "the convolutions of ResNet-18 at 224, batch 1", "rate", "pipelines/classics/resnet18.yaml", (),
        (), overlay=PLAIN, batch=1, unit="GFLOP/s", scale=1e-9, must=5),
    Row("vulkan-backward-hw1", "a training step of Homework 1, batch 64, in forward passes", "backward",
        "pipelines/mnist-hw1.yaml", (), (), mnist=True, unit="times", must=3.5),
    Row("vulkan-backward-resnet20", "a training step of ResNet-20, 32x32, batch 64, in forward passes", "backward",
        "pipelines/classics/resnet20.yaml", (), (), overlay=SMALL, unit="times", must=3.5),
    Row("vulkan-dispatch", "starting a kernel", "dispatch", "bench/pipelines/dispatches.yaml", (), (), batch=1,
        unit="us", scale=1e6, must=20),
    Row("vulkan-start", "training Homework 1, all caches warm: from a program's start to its exit, less the steps", "start_up",
        "pipelines/mnist-hw1.yaml", (), (), mnist=True, unit="ms", scale=1e3, must=150),
)
