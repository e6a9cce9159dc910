"""The networks of the benchmark in PyTorch: the tutorial's four, ResNet-20, and torchvision's."""
import torch
from torch import nn
from torch.nn import functional as F


class Simple(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.linear = nn.Linear(320, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return self.linear(x.flatten(1))


class Homework1(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 3)
        self.conv3 = nn.Conv2d(20, 30, 2)
        self.linear = nn.Linear(120, 10)

    def forward(self, x):
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.linear(x.flatten(1))


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.block1 = ResidualBlock(16)
        self.conv2 = nn.Conv2d(16, 32, 5)
        self.block2 = ResidualBlock(32)
        self.linear = nn.Linear(512, 10)

    def forward(self, x):
        x = self.block1(F.max_pool2d(F.relu(self.conv1(x)), 2))
        x = self.block2(F.max_pool2d(F.relu(self.conv2(x)), 2))
        return self.linear(x.flatten(1))


class InceptionBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.b1x1 = nn.Conv2d(channels, 16, 1)
        self.b5x5 = nn.Sequential(nn.Conv2d(channels, 16, 1), nn.Conv2d(16, 24, 5, padding=2))
        self.b3x3 = nn.Sequential(nn.Conv2d(channels, 16, 1), nn.Conv2d(16, 24, 3, padding=1),
                                  nn.Conv2d(24, 24, 3, padding=1))
        self.pool = nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), nn.Conv2d(channels, 24, 1))

    def forward(self, x):
        return torch.cat([self.b1x1(x), self.b5x5(x), self.b3x3(x), self.pool(x)], dim=1)


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.block1 = InceptionBlock(10)
        self.conv2 = nn.Conv2d(88, 20, 5)
        self.block2 = InceptionBlock(20)
        self.linear = nn.Linear(1408, 10)

    def forward(self, x):
        x = self.block1(F.relu(F.max_pool2d(self.conv1(x), 2)))
        x = self.block2(F.relu(F.max_pool2d(self.conv2(x), 2)))
        return self.linear(x.flatten(1))


class NormBlock(nn.Module):
    """Two 3x3 convolutions with batch norm; beside them, every second pixel and zeros where the shape changes."""

    def __init__(self, channels, out, stride):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out))
        self.stride, self.more = stride, out - channels

    def forward(self, x):
        shortcut = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, 0, self.more)) if self.more else x
        return F.relu(self.main(x) + shortcut)


def resnet20():
    stages = [(16, 16, 1), (16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2),
              (64, 64, 1), (64, 64, 1)]
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True),
        *[NormBlock(*stage) for stage in stages],
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def torchvision_net(name):
    import torchvision
    return getattr(torchvision.models, name)(weights=None)


def make(name):
    own = {"simple": Simple, "hw1": Homework1, "residual": Residual, "inception": Inception,
           "resnet20": resnet20}
    return own[name]() if name in own else torchvision_net(name)
