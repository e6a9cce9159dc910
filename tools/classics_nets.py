"""The networks of pipelines/classics in PyTorch: torchvision's, and those that it lacks.

Modules are made in the order in which the pipelines have their layers.
"""
import torch
import torchvision.models as models
from torch import nn
from torch.nn import functional as F


def conv(channels, out, kernel, stride=1):
    return nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)


def head(channels, classes=10):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def norm_relu(channels):
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())


# ---- LeNet-5, AlexNet


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10))


def narrow_alexnet():
    net = models.alexnet(weights=None, dropout=0.0)
    net.classifier[1], net.classifier[4], net.classifier[6] = nn.Linear(9216, 256), nn.Linear(256, 256), nn.Linear(256, 1000)
    return net


def alexnet_cifar10():
    layers, channels = [nn.Conv2d(3, 64, 11, 4, 5), nn.ReLU(), nn.MaxPool2d(2)], 64
    for out, kernel, pool in ((192, 5, True), (384, 3, False), (256, 3, False), (256, 3, True)):
        layers += [nn.Conv2d(channels, out, kernel, padding=kernel // 2), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if pool else []
        channels = out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(256, 10))


def alexnet2012():
    def norm_pool():
        return [nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0), nn.MaxPool2d(3, 2)]
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4, 2), nn.ReLU(), *norm_pool(),
        nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), *norm_pool(),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1000))


# ---- VGG, GoogLeNet, SqueezeNet, MobileNetV2


def narrow_vgg(name):
    net = getattr(models, name)(weights=None, dropout=0.0)
    sizes = [25088, 64, 64, 1000]
    for i, at in enumerate((0, 3, 6)):
        net.classifier[at] = nn.Linear(sizes[i], sizes[i + 1])
    return net


def vgg_cifar10(name):
    return nn.Sequential(getattr(models, name)(weights=None).features, nn.Flatten(), nn.Linear(512, 10))


def googlenet(classes):
    return models.googlenet(weights=None, aux_logits=False, init_weights=False, num_classes=classes, dropout=0.0)


def googlenet_cifar10():
    net = googlenet(10)
    net.conv1 = type(net.conv1)(3, 192, kernel_size=3, padding=1)
    net.maxpool1 = net.conv2 = net.conv3 = net.maxpool2 = nn.Identity()
    return net


def squeezenet_cifar10():
    net = models.squeezenet1_1(weights=None, num_classes=10, dropout=0.0)
    net.features[0] = nn.Conv2d(3, 64, 3, padding=1)
    return net


def mobilenet_cifar10():
    net = models.mobilenet_v2(weights=None, num_classes=10, dropout=0.0)
    net.features[0][0].stride = (1, 1)
    net.features[2].conv[1][0].stride = (1, 1)
    return net


# ---- residual networks


def resnet_cifar10(name):
    net = getattr(models, name)(weights=None, num_classes=10)
    net.conv1, net.maxpool = conv(3, 64, 3), nn.Identity()
    return net


def shortcut_a(x, out, stride):
    """Every second pixel, and zeros in the new channels."""
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, out - x.shape[1]))


class Basic(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.out, self.stride = out, stride
        self.main = nn.Sequential(conv(channels, out, 3, stride), nn.BatchNorm2d(out), nn.ReLU(), conv(out, out, 3),
                                  nn.BatchNorm2d(out))

    def forward(self, x):
        return F.relu(self.main(x) + shortcut_a(x, self.out, self.stride))


class PreactBasic(nn.Module):
    """The activation first; option A's shortcuts."""

    def __init__(self, channels, out, stride):
        super().__init__()
        self.out, self.stride = out, stride
        self.main = nn.Sequential(norm_relu(channels), conv(channels, out, 3, stride), norm_relu(out),
                                  conv(out, out, 3))

    def forward(self, x):
        return self.main(x) + shortcut_a(x, self.out, self.stride)


class Projected(nn.Module):
    """The activation first; where the shape changes it is the input of both branches, one of them a 1x1 convolution."""

    def __init__(self, channels, out, stride, main):
        super().__init__()
        self.shared = channels != out
        self.first, self.main = norm_relu(channels), main
        self.shortcut = conv(channels, out, 1, stride) if self.shared else nn.Identity()

    def forward(self, x):
        y = self.first(x)
        return self.main(y) + self.shortcut(y if self.shared else x)


def preact_bottleneck(channels, out, stride):
    narrow = out // 4
    return Projected(channels, out, stride, nn.Sequential(
        conv(channels, narrow, 1, stride), norm_relu(narrow), conv(narrow, narrow, 3), norm_relu(narrow),
        conv(narrow, out, 1)))


def wide_basic(channels, out, stride):
    return Projected(channels, out, stride, nn.Sequential(
        conv(channels, out, 3, stride), norm_relu(out), conv(out, out, 3)))


def stages(block, n, widths):
    layers, channels = [], 16
    for stage, out in enumerate(widths):
        for i in range(n):
            layers.append(block(channels, out, 2 if stage > 0 and i == 0 else 1))
            channels = out
    return layers


def resnet(n):
    return nn.Sequential(conv(3, 16, 3), norm_relu(16), *stages(Basic, n, (16, 32, 64)), head(64))


def preact(n, block=PreactBasic, width=1):
    widths = (16 * width, 32 * width, 64 * width)
    return nn.Sequential(conv(3, 16, 3), *stages(block, n, widths), norm_relu(widths[2]), head(widths[2]))


# ---- DenseNet


class Dense(nn.Module):
    def __init__(self, channels, growth, bottleneck):
        super().__init__()
        layers = []
        if bottleneck:
            layers, channels = [norm_relu(channels), conv(channels, 4 * growth, 1)], 4 * growth
        self.new = nn.Sequential(*layers, norm_relu(channels), conv(channels, growth, 3))

    def forward(self, x):
        return torch.cat([x, self.new(x)], 1)


def densenet(n, growth, channels, bottleneck):
    layers = [conv(3, channels, 3)]
    for block in range(3):
        if block > 0:
            out = channels // 2 if bottleneck else channels
            layers += [norm_relu(channels), conv(channels, out, 1), nn.AvgPool2d(2)]
            channels = out
        for _ in range(n):
            layers.append(Dense(channels, growth, bottleneck))
            channels += growth
    return nn.Sequential(*layers, norm_relu(channels), head(channels))


def densenet121_cifar10():
    net = models.densenet121(weights=None, num_classes=10)
    net.features.conv0 = conv(3, 64, 3)
    net.features.norm0 = net.features.relu0 = net.features.pool0 = nn.Identity()
    return net


NETS = {
    "lenet5": lenet5,
    "alexnet": narrow_alexnet,
    "alexnet-cifar10": alexnet_cifar10,
    "alexnet2012": alexnet2012,
    "vgg11": lambda: narrow_vgg("vgg11"),
    "vgg16": lambda: narrow_vgg("vgg16"),
    "vgg11-cifar10": lambda: vgg_cifar10("vgg11_bn"),
    "vgg16-cifar10": lambda: vgg_cifar10("vgg16_bn"),
    "googlenet": lambda: googlenet(1000),
    "googlenet-cifar10": googlenet_cifar10,
    "squeezenet1_1": lambda: models.squeezenet1_1(weights=None, dropout=0.0),
    "squeezenet1_1-cifar10": squeezenet_cifar10,
    "mobilenet_v2": lambda: models.mobilenet_v2(weights=None, dropout=0.0),
    "mobilenet_v2-cifar10": mobilenet_cifar10,
    "densenet121": lambda: models.densenet121(weights=None),
    "densenet121-cifar10": densenet121_cifar10,
    "densenet40": lambda: densenet(12, 12, 16, False),
    "densenet-bc-100": lambda: densenet(16, 12, 24, True),
    "preact-resnet20": lambda: preact(3),
    "preact-resnet110": lambda: preact(18),
    "preact-resnet164": lambda: preact(18, preact_bottleneck, 4),
    "wrn-16-4": lambda: preact(2, wide_basic, 4),
    "wrn-28-10": lambda: preact(4, wide_basic, 10),
    "wrn-40-4": lambda: preact(6, wide_basic, 4),
}
for name in ("resnet18", "resnet34", "resnet50"):
    NETS[name] = lambda name=name: getattr(models, name)(weights=None)
    NETS[name + "-cifar10"] = lambda name=name: resnet_cifar10(name)
for layers in (20, 32, 44, 56, 110):
    NETS[f"resnet{layers}"] = lambda layers=layers: resnet((layers - 2) // 6)


def make(name):
    net = NETS[name]()
    for module in net.modules():  # what is changed in place cannot be looked at afterwards
        if hasattr(module, "inplace"):
            module.inplace = False
    return net
