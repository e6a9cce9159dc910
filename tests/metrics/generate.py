#!/usr/bin/env python3
"""Writes images.yaml, two made-up images beside their targets, and images.expect, what the metrics of images
must say about them. The metrics are computed here once more, from their definitions, in double precision and
window by window.

usage: generate.py FOLDER
"""
import math
import sys
from pathlib import Path

SAMPLES, CHANNELS, HEIGHT, WIDTH = 2, 2, 12, 13
WINDOW, SIGMA, BORDER = 11, 1.5, 3


def image(sample: int, channel: int, noise: float) -> list[list[float]]:
    """Waves with a pattern on top that looks like noise; three decimals, as they stand in the file."""
    def value(y: int, x: int) -> float:
        wave = 0.5 + 0.3 * math.sin(0.7 * y + 0.4 * x * (1 + channel) + sample)
        return min(max(wave + noise * math.sin(12.9898 * y + 78.233 * x + 37.719 * channel), 0), 1)
    return [[round(value(y, x), 3) for x in range(WIDTH)] for y in range(HEIGHT)]


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def psnr(image_, target) -> float:
    squares = [(a - b) ** 2 for p, q in zip(image_, target) for r, s in zip(p, q) for a, b in zip(r, s)]
    return 10 * math.log10(1 / mean(squares))


def window() -> list[list[float]]:
    half = WINDOW // 2
    w = [[math.exp(-(y * y + x * x) / (2 * SIGMA ** 2)) for x in range(-half, half + 1)]
         for y in range(-half, half + 1)]
    total = sum(map(sum, w))
    return [[v / total for v in row] for row in w]


def ssim_at(p, q, top: int, left: int, w) -> float:
    """Of one window, with weighted moments about the weighted means (Wang et al. 2004, equations 13 to 16)."""
    cells = [(w[y][x], p[top + y][left + x], q[top + y][left + x]) for y in range(WINDOW) for x in range(WINDOW)]
    mp, mq = sum(k * a for k, a, _ in cells), sum(k * b for k, _, b in cells)
    vp, vq = sum(k * (a - mp) ** 2 for k, a, _ in cells), sum(k * (b - mq) ** 2 for k, _, b in cells)
    cov = sum(k * (a - mp) * (b - mq) for k, a, b in cells)
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    return (2 * mp * mq + c1) * (2 * cov + c2) / ((mp * mp + mq * mq + c1) * (vp + vq + c2))


def ssim(image_, target) -> float:
    w = window()
    return mean(ssim_at(p, q, y, x, w) for p, q in zip(image_, target)
                for y in range(HEIGHT - WINDOW + 1) for x in range(WIDTH - WINDOW + 1))


def error(image_, target, at_border: bool) -> float:
    def is_border(y: int, x: int) -> bool:
        return min(y, x, HEIGHT - 1 - y, WIDTH - 1 - x) < BORDER
    return mean(abs(image_[c][y][x] - target[c][y][x]) for c in range(CHANNELS) for y in range(HEIGHT)
                for x in range(WIDTH) if is_border(y, x) == at_border)


def nested(values) -> str:
    return f"[{', '.join(map(nested, values))}]" if isinstance(values, list) else f"{values:g}"


def array(name: str, samples) -> str:
    rows = [f"    - - {nested(channel)}" if c == 0 else f"      - {nested(channel)}"
            for sample in samples for c, channel in enumerate(sample)]
    return "\n".join([f"  {name}:"] + rows)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    images = [[image(s, c, 0.2 - 0.1 * s) for c in range(CHANNELS)] for s in range(SAMPLES)]
    targets = [[image(s, c, 0) for c in range(CHANNELS)] for s in range(SAMPLES)]
    pairs = list(zip(images, targets))
    results = {"psnr": mean(psnr(p, q) for p, q in pairs), "ssim": mean(ssim(p, q) for p, q in pairs),
               "border_error": mean(error(p, q, True) for p, q in pairs),
               "inner_error": mean(error(p, q, False) for p, q in pairs)}
    Path(sys.argv[1], "images.yaml").write_text(f"""\
# Written by generate.py. The model gives its input, which is nowhere below 0.
data:
  source: inline
{array("values", images)}
{array("targets", targets)}
model: [relu]
train: {{loss: mse, optimizer: {{sgd: {{lr: 0.1}}}}}}
test: {{metrics: [psnr, ssim, border_error: {BORDER}, inner_error: {BORDER}]}}
steps: [test]
""")
    lines = [f"{name} {value:.9f}" for name, value in results.items()]
    Path(sys.argv[1], "images.expect").write_text("\n".join(lines) + "\n")


main()
