"""Homework 1 the way the tutorial trains it: torchvision's MNIST, ToTensor, Normalize, DataLoader.

    torch_tutorial.py ROOT EPOCHS [BATCHES]      ROOT holds MNIST/raw/*-ubyte

Prints one line of JSON: PyTorch's version, the accuracy of each epoch, and the largest resident memory.
"""
import json
import sys

import torch
from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

import torch_nets

THREADS = 2

root, epochs = sys.argv[1], int(sys.argv[2])
most_batches = int(sys.argv[3]) if len(sys.argv) > 3 else None
torch.set_num_threads(THREADS)
torch.manual_seed(0)
transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
train_set = datasets.MNIST(root=root, train=True, download=False, transform=transform)
test_set = datasets.MNIST(root=root, train=False, download=False, transform=transform)
train_loader = DataLoader(train_set, shuffle=True, batch_size=64)
test_loader = DataLoader(test_set, shuffle=False, batch_size=64)
net = torch_nets.make("hw1")
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.5)


def train():
    running_loss = 0.0
    for batch, (inputs, target) in enumerate(train_loader):
        if batch == most_batches:
            break
        optimizer.zero_grad()
        loss = criterion(net(inputs), target)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()


def test():
    correct = 0
    with torch.no_grad():
        for images, labels in test_loader:
            _, predicted = torch.max(net(images).data, dim=1)
            correct += (predicted == labels).sum().item()
    return 100 * correct / len(test_set)


def peak_mib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


accuracy = []
for _ in range(epochs):
    train()
    accuracy.append(test())
print(json.dumps({"version": torch.__version__, "accuracy": accuracy, "peak_mib": peak_mib()}))
