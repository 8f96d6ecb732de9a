"""Writes the golden trajectories of networks: NAME.json and NAME.start.safetensors in this folder.

PyTorch (2.13 made the files that are here) trains each in Float64 for 20 steps of 32 samples, 50 with Muon, from weights that are stored in Float32.
Samples are in file order: Fashion-MNIST's training images, or text.txt as its README has it, again from its start after 20 steps. Arguments: train-images-idx3-ubyte.gz's
folder, and the networks, by default all.
"""

import copy
import gzip
import inspect
import json
import math
import os
import struct
import sys

import torch
import torch.optim._muon
from torch import nn

FOLDER = os.path.dirname(os.path.abspath(__file__))
DATA = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist"


class Residual(nn.Module):
    def __init__(self, layers, shortcut=None):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        if shortcut:
            self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x):
        return self.layers(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)


class Gated(nn.Module):
    def __init__(self, inputs, width):
        super().__init__()
        self.gate = nn.Linear(inputs, width, bias=False)
        self.up = nn.Linear(inputs, width, bias=False)
        self.down = nn.Linear(width, inputs, bias=False)

    def forward(self, x):
        return self.down(nn.functional.silu(self.gate(x)) * self.up(x))


class Attention(nn.Module):
    def __init__(self, width, heads, causal=True, rotary=False, bias=True):
        super().__init__()
        self.heads, self.causal, self.rotary = heads, causal, rotary
        self.c_attn = nn.Linear(width, 3 * width, bias=bias)
        self.c_proj = nn.Linear(width, width, bias=bias)

    def forward(self, x):
        n, t, width = x.shape
        q, k, v = (p.view(n, t, self.heads, -1).transpose(1, 2) for p in self.c_attn(x).split(width, 2))
        if self.rotary:
            half = width // self.heads // 2
            rates = 10000.0 ** (-torch.arange(half, dtype=x.dtype) / half)
            angles = torch.arange(t, dtype=x.dtype)[:, None] * rates
            cos, sin = angles.cos(), angles.sin()

            def turn(a):
                p, r = a[..., :half], a[..., half:]
                return torch.cat([p * cos - r * sin, r * cos + p * sin], -1)

            q, k = turn(q), turn(k)
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.c_proj(y.transpose(1, 2).reshape(n, t, width))


class Positions(nn.Module):
    def __init__(self, length, width):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(length, width) * 0.02)

    def forward(self, x):
        return x + self.weight


class Pool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class TiedHead(nn.Module):
    def __init__(self, embedding):
        super().__init__()
        self.table = [embedding]

    def forward(self, x):
        return x @ self.table[0].weight.T


def recurrent(kind):
    class Layer(kind):
        def forward(self, x):
            return super().forward(x)[0]

    return Layer


def llama(vocabulary):
    embedding = nn.Embedding(vocabulary, 16)
    block = lambda: nn.Sequential(
        Residual([nn.RMSNorm(16, eps=1e-5), Attention(16, 2, rotary=True, bias=False)]),
        Residual([nn.RMSNorm(16, eps=1e-5), Gated(16, 24)]),
    )
    return nn.Sequential(
        embedding, nn.Sequential(block(), block()), nn.RMSNorm(16, eps=1e-5), TiedHead(embedding)
    )


# A ReLU after a group normalization has values so near its corner that rounding takes their side, and of a sample of little variance that
# shows in the whole gradient: a network with one follows another path on another CPU.
NETWORKS = {
    "net-dense": (
        "fashion",
        """[{ kind = "flatten" }, { width = 32 }, { kind = "tanh" }, { kind = "layer-norm" },
           { width = 24 }, { kind = "gelu" }, { width = 16 }, { kind = "softplus" }, { width = 12 },
           { kind = "silu" }, { width = 12 }, { kind = "sigmoid" }, { width = "classes" }]""",
        lambda _: nn.Sequential(
            nn.Flatten(), nn.Linear(784, 32), nn.Tanh(), nn.LayerNorm(32), nn.Linear(32, 24), nn.GELU(),
            nn.Linear(24, 16), nn.Softplus(), nn.Linear(16, 12), nn.SiLU(), nn.Linear(12, 12), nn.Sigmoid(), nn.Linear(12, 10)
        ),
    ),
    "net-residual": (
        "fashion",
        """[{ kind = "conv", channels = 8, padding = 1, stride = 2, bias = false }, { kind = "group-norm", groups = 4 }, { kind = "silu" },
            { kind = "residual", layers = [{ kind = "conv", channels = 8, padding = 1 }, { kind = "group-norm", groups = 2 },
               { kind = "silu" }, { kind = "conv", channels = 8, padding = 1, groups = 4 }] }, { kind = "silu" },
            { kind = "residual", layers = [{ kind = "conv", channels = 12, kernel = 5, padding = 2, stride = 2 }, { kind = "gelu" },
               { kind = "conv", channels = 12, padding = 1 }], shortcut = [{ kind = "conv", channels = 12, kernel = 1, stride = 2, bias = false }] },
            { kind = "max-pool", size = 3, stride = 2, padding = 1 }, { kind = "average-pool", size = 2 },
            { kind = "global-average-pool" }, { kind = "dense" }]""",
        lambda _: nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1, bias=False), nn.GroupNorm(4, 8), nn.SiLU(),
            Residual([nn.Conv2d(8, 8, 3, 1, 1), nn.GroupNorm(2, 8), nn.SiLU(), nn.Conv2d(8, 8, 3, 1, 1, groups=4)]), nn.SiLU(),
            Residual([nn.Conv2d(8, 12, 5, 2, 2), nn.GELU(), nn.Conv2d(12, 12, 3, 1, 1)], [nn.Conv2d(8, 12, 1, 2, bias=False)]),
            nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2), Pool(), nn.Linear(12, 10)
        ),
    ),
    "net-batch": (
        "fashion",
        """[{ kind = "conv", channels = 6, padding = 1, stride = 2, bias = false }, { kind = "batch-norm" }, { kind = "relu" },
            { kind = "residual", layers = [{ kind = "conv", channels = 8, padding = 1, stride = 2, bias = false },
               { kind = "batch-norm", momentum = 0.3 }, { kind = "relu" }, { kind = "conv", channels = 8, padding = 1, bias = false }, { kind = "batch-norm" }],
               shortcut = [{ kind = "conv", channels = 8, kernel = 1, stride = 2, bias = false }] }, { kind = "relu" },
            { kind = "global-average-pool" }, { kind = "dense", width = 12, bias = false }, { kind = "batch-norm" }, { kind = "tanh" }, { kind = "dense" }]""",
        lambda _: nn.Sequential(
            nn.Conv2d(1, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
            Residual(
                [nn.Conv2d(6, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8, momentum=0.3), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)],
                [nn.Conv2d(6, 8, 1, 2, bias=False)],
            ),
            nn.ReLU(), Pool(), nn.Linear(8, 12, bias=False), nn.BatchNorm1d(12), nn.Tanh(), nn.Linear(12, 10)
        ),
    ),
    "net-lstm": (
        "text",
        """[{ kind = "embedding", width = 12 }, { kind = "lstm", width = 16, layers = 2 }, { kind = "dense", width = "vocabulary" }]""",
        lambda v: nn.Sequential(nn.Embedding(v, 12), recurrent(nn.LSTM)(12, 16, 2, batch_first=True), nn.Linear(16, v)),
    ),
    "net-gru": (
        "text",
        """[{ kind = "embedding", width = 12 }, { kind = "gru", width = 16, layers = 2 }, { kind = "dense", width = "vocabulary" }]""",
        lambda v: nn.Sequential(nn.Embedding(v, 12), recurrent(nn.GRU)(12, 16, 2, batch_first=True), nn.Linear(16, v)),
    ),
    "net-llama": (
        "text",
        """[{ kind = "embedding", width = 16 }, { kind = "repeat", count = 2, layers = [
             { kind = "residual", layers = [{ kind = "rms-norm" }, { kind = "attention", heads = 2, rotary = true, bias = false }] },
             { kind = "residual", layers = [{ kind = "rms-norm" }, { kind = "gated", width = 24 }] }] },
            { kind = "rms-norm" }, { kind = "tied-head" }]""",
        llama,
    ),
    "net-open": (
        "text",
        """[{ kind = "embedding", width = 12 }, { kind = "positions" }, { kind = "attention", heads = 3, causal = false },
            { kind = "rnn", width = 14 }, { kind = "dense", width = "vocabulary" }]""",
        lambda v: nn.Sequential(
            nn.Embedding(v, 12), Positions(16, 12), Attention(12, 3, causal=False),
            recurrent(nn.RNN)(12, 14, batch_first=True), nn.Linear(14, v)
        ),
    ),
    "muon-text": (
        "text",
        """[{ kind = "embedding", width = 16 }, { kind = "repeat", count = 2, layers = [
             { kind = "residual", layers = [{ kind = "rms-norm" }, { kind = "attention", heads = 2, rotary = true, bias = false }] },
             { kind = "residual", layers = [{ kind = "rms-norm" }, { kind = "gated", width = 24 }] }] },
            { kind = "rms-norm" }, { kind = "tied-head" }]""",
        llama,
        {"rate": 0.005, "adamw_rate": 0.6, "scale": "original", "nesterov": True, "others": ["0.weight"]},
    ),
    "muon-images": (
        "fashion",
        """[{ kind = "conv", channels = 8, padding = 1, stride = 2 }, { kind = "gelu" },
            { kind = "conv", channels = 12, padding = 1, stride = 2, groups = 4, bias = false }, { kind = "gelu" },
            { kind = "global-average-pool" }, { width = 20 }, { kind = "tanh" }, { kind = "dense" }]""",
        lambda _: nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1), nn.GELU(), nn.Conv2d(8, 12, 3, 2, 1, groups=4, bias=False), nn.GELU(),
            Pool(), nn.Linear(12, 20), nn.Tanh(), nn.Linear(20, 10)
        ),
        {"rate": 0.02, "adamw_rate": 0.25, "scale": "match_rms_adamw", "nesterov": False, "others": ["7.weight"]},
    ),
}


def without_cast():
    """torch.optim.Muon with Newton-Schulz in the gradient's own precision."""
    module = torch.optim._muon
    source = inspect.getsource(module._zeropower_via_newtonschulz)
    assert source.count("grad.bfloat16()") == 1
    exec(source.replace("grad.bfloat16()", "grad.clone()"), module.__dict__)


without_cast()


class MuonWithAdamW:
    """Muon for matrices of hidden layers, a convolution's weight being one; AdamW for the others."""

    def __init__(self, model, rate, adamw_rate, scale, nesterov, others):
        named = dict(model.named_parameters())
        self.matrices = [p for n, p in named.items() if p.ndim > 1 and n not in others]
        rest = [p for n, p in named.items() if p.ndim < 2 or n in others]
        # The same memory, seen as two-dimensional.
        self.views = [nn.Parameter(p.detach().view(p.shape[0], -1)) for p in self.matrices]
        self.muon = torch.optim.Muon(self.views, lr=rate, nesterov=nesterov, adjust_lr_fn=scale)
        self.adamw = torch.optim.AdamW(rest, lr=rate * adamw_rate, weight_decay=0.01)
        self.model = model

    def zero_grad(self):
        self.model.zero_grad()

    def step(self):
        for view, p in zip(self.views, self.matrices):
            view.grad = p.grad.view_as(view)
        self.muon.step()
        self.adamw.step()


def samples(data, count):
    if data == "text":
        text = open(os.path.join(FOLDER, "text.txt"), "rb").read()
        ids = {byte: i for i, byte in enumerate(sorted(set(text)))}
        tokens = torch.tensor([ids[byte] for byte in text])
        rows = [16 * (i % ((len(text) - 1) // 16)) for i in range(count)]
        x = torch.stack([tokens[i : i + 16] for i in rows])
        y = torch.stack([tokens[i + 1 : i + 17] for i in rows])
        return x, y, len(ids)
    images = gzip.open(os.path.join(DATA, "train-images-idx3-ubyte.gz")).read()
    labels = gzip.open(os.path.join(DATA, "train-labels-idx1-ubyte.gz")).read()
    x = torch.tensor(list(images[16 : 16 + 784 * count]), dtype=torch.float32).div(255).view(count, 1, 28, 28)
    return x.double(), torch.tensor(list(labels[8 : 8 + count])), 10


def save(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = struct.pack(f"<{tensor.numel()}f", *tensor.flatten().tolist())
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def found(norm, store):
    """Leaves the mean and the unbiased variance that each pass of a batch-norm layer sees in `store`."""

    def hook(_, inputs):
        x = inputs[0].detach()
        x = x.transpose(0, 1).reshape(x.shape[1], -1)
        store.append((x.mean(1), x.var(1)))

    norm.register_forward_pre_hook(hook)


def sample_norms(model, x, y, classes):
    """The norm of each sample's gradient in the first step, from a batch of that sample alone."""
    norms = []
    for i in range(32):
        model.zero_grad()
        nn.functional.cross_entropy(model(x[i : i + 1]).reshape(-1, classes), y[i : i + 1].reshape(-1)).backward()
        norms.append(math.sqrt(sum((p.grad**2).sum().item() for p in model.parameters())))
    model.zero_grad()
    return norms


def train(model, x, y, classes, is_image, micro, muon=None):
    """20 steps or 50; the gradient of a step is the sum over micro-batches, each with statistics of its own."""
    rate, limit = (muon["rate"], 0.2) if muon else (0.05, 0.2) if is_image else (0.003, 0.2)
    optimizer = (
        MuonWithAdamW(model, **muon) if muon
        else torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9) if is_image
        else torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    )
    # Running statistics as they are defined: one update a step, by the mean of what micro-batches have.
    norms = {n: m for n, m in model.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)}
    stores = {n: [] for n in norms}
    running = {n: (torch.zeros(m.num_features).double(), torch.ones(m.num_features).double()) for n, m in norms.items()}
    for n, m in norms.items():
        found(m, stores[n])
    steps = []
    for step in range(len(x) // 32):
        optimizer.zero_grad()
        total = 0.0
        for start in range(32 * step, 32 * step + 32, micro):
            part = slice(start, start + micro)
            out = model(x[part])
            loss = nn.functional.cross_entropy(out.reshape(-1, classes), y[part].reshape(-1)) * micro / 32
            loss.backward()
            total += loss.item()
        record = {"step": step + 1, "loss": total}
        if step == 0:
            layers = {n: p.grad.norm().item() for n, p in model.named_parameters()}
        norm = nn.utils.clip_grad_norm_(model.parameters(), limit).item()
        record |= {"norm": norm, "coefficient": min(1.0, limit / (norm + 1e-6))}
        if step == 0:
            record["layers"] = layers
        optimizer.step()
        steps.append(record)
        for n, m in norms.items():
            for position in 0, 1:
                mean = sum(values[position] for values in stores[n]) / len(stores[n])
                running[n][position].mul_(1 - m.momentum).add_(m.momentum * mean)
            if micro == 32:  # PyTorch's own definition
                assert torch.allclose(running[n][0], m.running_mean) and torch.allclose(running[n][1], m.running_var)
            stores[n].clear()
    buffers = {f"{n}.{kind}": values.tolist() for n, pair in running.items() for kind, values in zip(("running_mean", "running_var"), pair)}
    return steps, buffers, rate, limit


chosen = sys.argv[2:] or NETWORKS
for index, (name, (data, layers, make, *options)) in enumerate(NETWORKS.items()):
    if name not in chosen:
        continue
    # The seeds that the files were made with.
    torch.manual_seed(6 if name == "net-batch" else index - (index > 2))
    muon = options[0] if options else None
    x, y, classes = samples(data, 32 * (50 if muon else 20))
    model = make(classes).float()
    tensors = {n: t.detach() for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")}
    save(os.path.join(FOLDER, f"{name}.start.safetensors"), tensors)
    model = model.double()
    is_image = data == "fashion"
    ghosts = copy.deepcopy(model)
    mixes = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())
    samples_of_step = None if mixes or muon else sample_norms(model, x, y, classes)
    steps, running, rate, limit = train(model, x, y, classes, is_image, 32, muon)
    record = {
        "model": name, "data": data, "network": " ".join(layers.split()),
        "optimizer": "momentum" if is_image else "adamw", "learning_rate": rate, "max_norm": limit, "float64": steps,
    }
    if samples_of_step:
        record["samples"] = samples_of_step
    if muon:
        record |= {"optimizer": "muon", "keys": [
            "training.steps=50", f"optimizer.adamw_rate={muon['adamw_rate']}", f"optimizer.scale={muon['scale']}",
            f"optimizer.nesterov={str(muon['nesterov']).lower()}",
        ]}
    if running:
        record["running"] = running
        record["ghosts"], record["ghosts_running"], _, _ = train(ghosts, x, y, classes, is_image, 8)
    json.dump(record, open(os.path.join(FOLDER, f"{name}.json"), "w"), indent=1)
    print(name, steps[0]["loss"], steps[-1]["loss"], sum(p.numel() for p in model.parameters()))
