#!/usr/bin/env python3
# Times the training steps of quench, and of PyTorch beside them where it is installed.
# SPDX-License-Identifier: MIT
"""usage: training.py TRAINING_STEPS [--pytorch PYTHON]

PYTHON is an interpreter that has torch with a fast BLAS (the wheels of PyPI; a distribution's torch with reference
BLAS proves nothing). Steps are timed in turns, quench, PyTorch, quench ..., one thread each; the ratio is that of the
smallest times.
"""
import subprocess
import sys

from bar import bar

ROUNDS = 5
# name, batch, repeats, highest ratio to PyTorch's time
STEPS = [("gan", 256, 30, 0.60), ("distill", 256, 30, 0.75), ("realnvp", 512, 20, 0.50)]

PYTORCH = r'''
import statistics, sys, time
import torch
from torch import nn
name, batch, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
torch.manual_seed(1)

def mlp(widths, activation):
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), activation()]
    return nn.Sequential(*layers[:-1])

if name == "gan":
    g, d = mlp([100, 256, 512, 50], nn.ReLU), mlp([50, 512, 256, 1], lambda: nn.LeakyReLU(0.2))
    og, od = (torch.optim.Adam(m.parameters(), 5e-4, (0.5, 0.99), foreach=True) for m in (g, d))
    z, real = torch.randn(batch, 100), torch.randn(batch, 50)
    def step():
        fake = g(z)
        score = d(torch.cat([real, fake.detach()]))
        loss = 0.5 * ((score[:batch] - 1) ** 2).mean() + 0.5 * (score[batch:] ** 2).mean()
        od.zero_grad(); loss.backward(); od.step()
        for p in d.parameters(): p.requires_grad_(False)
        loss = 0.5 * ((d(fake) - 1) ** 2).mean()
        og.zero_grad(); loss.backward(); og.step()
        for p in d.parameters(): p.requires_grad_(True)
elif name == "distill":
    t, s = mlp([100, 512, 1024, 512, 50], nn.ReLU), mlp([100, 128, 256, 50], nn.ReLU)
    o = torch.optim.Adam(s.parameters(), 1e-3, foreach=True)
    z = torch.randn(batch, 100)
    def step():
        with torch.no_grad(): target = t(z)
        loss = ((s(z) - target) ** 2).mean()
        o.zero_grad(); loss.backward(); o.step()
else:
    nets = nn.ModuleList(mlp([25, 128, 128, 50], nn.ReLU) for _ in range(8))
    orders = [torch.randperm(50) for _ in range(3)]
    o = torch.optim.Adam(nets.parameters(), 1.5e-3, foreach=True)
    x = torch.randn(batch, 50)
    def step():
        y, log_determinant = x, 0.0
        for k, net in enumerate(nets):
            if k and k % 2 == 0: y = y[:, orders[k // 2 - 1]]
            a, b = y[:, :25], y[:, 25:]
            if k % 2: a, b = b, a
            shift, raw = net(b).chunk(2, 1)
            s = 2 * torch.tanh(raw / 2)
            a = a * s.exp() + shift
            log_determinant = log_determinant + s.sum(1)
            y = torch.cat([b, a] if k % 2 else [a, b], 1)
        loss = -(log_determinant - 0.5 * (y ** 2).sum(1)).mean()
        o.zero_grad(); loss.backward(); o.step()

times = []
for i in range(repeats + 3):
    start = time.perf_counter(); step(); times.append(1e3 * (time.perf_counter() - start))
print(statistics.median(times[3:]))
'''


def measured(command):
    return [float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def main(program, pytorch=None):
    size = 1024
    milliseconds, gflop = map(min, zip(*(measured([program, "peak", "1", str(size), "5"]) for _ in range(ROUNDS))))
    peak = gflop / milliseconds
    print(f"square product of {size}, 1 thread: {1e3 * peak:.1f} GFLOP/s, the peak of the percentages below")
    for name, batch, repeats, limit in STEPS:
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(measured([program, name, "1", str(batch), str(repeats)]))
            if pytorch:
                theirs.append(measured([pytorch, "-c", PYTORCH, name, str(batch), str(repeats)])[0])
        milliseconds, gflop = min(ours)
        print(f"{name}: {milliseconds:.2f} ms a step of {batch}, {gflop:.3f} GFLOP, "
              f"{100 * gflop / milliseconds / peak:.0f} % of the peak")
        if theirs:
            print(f"{name}: PyTorch {min(theirs):.2f} ms")
            bar(f"{name}-over-pytorch", milliseconds / min(theirs), "of PyTorch's time", limit)
    for name in ("gan", "realnvp"):
        one, two = (min(measured([program, name, str(t), "1024", "10"])[0] for _ in range(ROUNDS)) for t in (1, 2))
        bar(f"{name}-two-threads", one / two, "times faster", 1.7, at_most=False)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if len(arguments) == 3 and arguments[1] == "--pytorch":
        main(arguments[0], arguments[2])
    elif len(arguments) == 1:
        main(arguments[0])
    else:
        sys.exit(__doc__)
