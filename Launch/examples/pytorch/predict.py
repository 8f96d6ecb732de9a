"""Rebuilds a trained model from its exported file with PyTorch, and compares its predictions with those of `lockstep predict`.

    lockstep predict runs/mine --input new.csv --output predicted.csv
    python Launch/examples/pytorch/predict.py runs/mine/final.safetensors new.csv predicted.csv

The weights file alone is enough: its metadata have the [model] section, what a table's columns became, and the classes' names. Of kind network it
takes the layers that PyTorch has; and the kinds mlp, linear, logistic and cnn. Needs torch and Python 3.11. Exit code 0: all numbers are within 1e-5
(times the number, where that is above 1) and all classes are the same.
"""

import argparse
import csv
import gzip
import json
import struct
import sys
import tomllib
from collections import OrderedDict

import numpy
import torch
from torch import nn

MISSING = {"", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None"}


def read_safetensors(path):
    """Tensors by name, and the metadata. The format: the header's length, the header as JSON, the data."""
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", f"{name} is {entry['dtype']}"
        start, end = (8 + length + place for place in entry["data_offsets"])
        values = numpy.frombuffer(data[start:end], "<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors, metadata


class Residual(nn.Module):
    def __init__(self, layers, shortcut):
        super().__init__()
        self.layers = layers
        if shortcut is not None:
            self.shortcut = shortcut

    def forward(self, x):
        return self.layers(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)


class GlobalAveragePool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class BatchNorm(nn.BatchNorm2d):
    def _check_input_dim(self, x):  # of images and of rows
        pass


ACTIVATIONS = {
    "relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "softplus": nn.Softplus,
}  # fmt: skip


def layer(entry, path, tensors):
    """The module of one entry of `layers`. Sizes are those of its tensors."""
    kind = entry.get("kind", "dense")
    weight = tensors.get(f"{path}.weight")
    has_bias = f"{path}.bias" in tensors
    if kind in ACTIVATIONS:
        return ACTIVATIONS[kind]()
    if kind == "dense":
        linear = nn.Linear(weight.shape[1], weight.shape[0], bias=has_bias)
        name = entry.get("activation", "none")
        return linear if name == "none" else WithActivation(linear, ACTIVATIONS[name]())
    if kind == "conv":
        groups = entry.get("groups", 1)
        return nn.Conv2d(
            weight.shape[1] * groups, weight.shape[0], weight.shape[2], entry.get("stride", 1), entry.get("padding", 0),
            groups=groups, bias=has_bias,
        )  # fmt: skip
    if kind in ("max-pool", "average-pool"):
        size = entry.get("size", 2)
        pool = nn.MaxPool2d if kind == "max-pool" else nn.AvgPool2d
        return pool(size, entry.get("stride", size), entry.get("padding", 0))
    if kind == "global-average-pool":
        return GlobalAveragePool()
    if kind == "flatten":
        return nn.Flatten()
    if kind == "dropout":
        return nn.Dropout(entry.get("rate", 0.5))
    if kind == "batch-norm":
        return BatchNorm(weight.shape[0])
    if kind == "group-norm":
        return nn.GroupNorm(entry.get("groups", 8), weight.shape[0])
    if kind == "layer-norm":
        return nn.LayerNorm(weight.shape[0], bias=has_bias)
    if kind == "rms-norm":
        return nn.RMSNorm(weight.shape[0], eps=1e-5)
    if kind == "residual":
        shortcut = entry.get("shortcut", [])
        return Residual(
            sequence(entry["layers"], f"{path}.layers.", tensors),
            sequence(shortcut, f"{path}.shortcut.", tensors) if shortcut else None,
        )
    if kind == "repeat":
        return nn.Sequential(*(sequence(entry["layers"], f"{path}.{i}.", tensors) for i in range(entry.get("count", 2))))
    sys.exit(f"the layer {path} is of kind {kind}, which this script does not rebuild")


class WithActivation(nn.Sequential):
    """A dense layer with an activation in one entry: the tensors have the entry's own path."""

    def __init__(self, linear, activation):
        super().__init__()
        self.weight, self.bias, self.activation = linear.weight, linear.bias, activation

    def forward(self, x):
        return self.activation(nn.functional.linear(x, self.weight, self.bias))


def sequence(entries, prefix, tensors):
    names = [entry.get("name", str(index)) for index, entry in enumerate(entries)]
    return nn.Sequential(OrderedDict((name, layer(entry, prefix + name, tensors)) for name, entry in zip(names, entries)))


def network(model, tensors):
    """The model of a [model] section as nn.Sequential, with its weights."""
    kind = model.get("kind", "mlp")
    modules = OrderedDict()
    if kind == "network":
        result = sequence(model["layers"], "", tensors)
    elif kind in ("mlp", "linear", "logistic"):
        count = sum(name.endswith(".weight") for name in tensors)
        modules["flatten"] = nn.Flatten()
        for index in range(count):
            entry = {"activation": model.get("activation", "relu") if index < count - 1 else "none"}
            modules[str(index)] = layer(entry, f"layers.{index}", tensors)
        result = nn.Sequential(modules)
        tensors = {name.removeprefix("layers."): value for name, value in tensors.items()}
    elif kind == "cnn":
        for index in range(1, sum(name.startswith("conv") and name.endswith(".weight") for name in tensors) + 1):
            modules[f"conv{index}"] = layer({"kind": "conv", "padding": 1}, f"conv{index}", tensors)
            modules[f"relu{index}"], modules[f"pool{index}"] = nn.ReLU(), nn.MaxPool2d(2)
        modules["flatten"] = nn.Flatten()
        modules["fc1"] = layer({}, "fc1", tensors)
        modules["relu"] = nn.ReLU()
        modules["fc2"] = layer({}, "fc2", tensors)
        result = nn.Sequential(modules)
    else:
        sys.exit(f"a model of kind {kind} is none that this script rebuilds")
    own = result.state_dict()
    # PyTorch counts the batches that a batch-norm saw; nothing depends on it here.
    tensors.update((name, value) for name, value in own.items() if name.endswith("num_batches_tracked"))
    result.load_state_dict(tensors)
    return result.double().eval()


def read_table(path, table):
    """A CSV's inputs by the columns' names; rows that training would leave out are NaN."""
    opened = gzip.open if open(path, "rb").read(2) == b"\x1f\x8b" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter=table.get("separator", ",")) if row]
    if any("name" not in entry["column"] for entry in table["inputs"]):
        sys.exit("a table without names is none that this script reads")
    names = [name.strip() for name in rows.pop(0)]
    result = []
    for row in rows:
        inputs, is_complete = [], True
        for entry in table["inputs"]:
            cell = row[names.index(entry["column"]["name"])].strip()
            categories = entry.get("categories")
            is_missing = cell == "" if entry.get("isDeclared") else cell in MISSING
            is_complete = is_complete and not is_missing
            if categories is None:
                value = entry["means"][0] if is_missing else float(cell)
                inputs.append((value - entry["offset"]) / entry["scale"])
            elif is_missing:
                inputs += entry["means"]
            else:
                inputs += [float(name == cell) for name in categories]
                if cell not in categories:
                    inputs[categories.index(next(c for c in categories if float(c) == float(cell))) - len(categories)] = 1
        result.append(inputs if is_complete or table["missing"] == "mean" else [float("nan")] * len(inputs))
    return numpy.array(result)


def read_inputs(path, metadata):
    if "table" in metadata:
        return read_table(path, json.loads(metadata["table"]))
    data = open(path, "rb").read()
    if data[:6] == b"\x93NUMPY":
        array = numpy.load(path)
    else:
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        sizes = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
        array = numpy.frombuffer(data[4 + 4 * data[3] :], "u1").reshape(sizes)
    return array / 255 if array.dtype == numpy.uint8 else array


def read_predictions(path):
    """The numbers that lockstep predict wrote, and its classes, where it wrote some."""
    if path.endswith(".npy"):
        return numpy.load(path), None
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    first = 1 if header[0] == "class" and len(header) > 1 else 0
    classes = [row[0] for row in rows] if first else None
    return numpy.array([[float(cell) for cell in row[first:]] for row in rows]), classes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", help="a weights file, such as runs/mine/final.safetensors")
    parser.add_argument("input", help="what lockstep predict read: CSV, .npy or IDX")
    parser.add_argument("predictions", help="what it wrote: CSV or .npy")
    options = parser.parse_args()

    tensors, metadata = read_safetensors(options.weights)
    model = tomllib.loads(metadata["model"])["model"]
    samples = json.loads(metadata["samples"])
    built = network(model, tensors)
    inputs = torch.tensor(read_inputs(options.input, metadata), dtype=torch.float64)
    image = samples.get("image")
    shape = (image["channels"], image["height"], image["width"]) if image else (samples["inputs"],)
    inputs = inputs.reshape(len(inputs), *shape)
    with torch.no_grad():
        outputs = torch.cat([built(part) for part in inputs.split(256)])

    usual = "squared-error" if model.get("kind") == "linear" else "cross-entropy"
    loss = model.get("loss", usual)
    answers = outputs.argmax(1)
    if loss == "cross-entropy":
        outputs = outputs.softmax(1)
    elif loss == "binary-cross-entropy":
        outputs = outputs.sigmoid()
        if samples["targets"] == 0:
            answers = (outputs[:, 0] > 0.5).long()
            outputs = torch.cat([1 - outputs, outputs], 1)

    given, classes = read_predictions(options.predictions)
    wanted = outputs.numpy()
    assert given.shape == wanted.shape, f"{given.shape} numbers were written, PyTorch makes {wanted.shape}"
    complete = ~numpy.isnan(wanted).any(1)
    assert (numpy.isnan(given).any(1) == ~complete).all(), "other rows are without a prediction"
    difference = abs(given - wanted)[complete] / numpy.maximum(1, abs(wanted[complete]))
    largest = difference.max(initial=0)
    wrong = 0
    if classes is not None:
        table = json.loads(metadata["table"]) if "table" in metadata else {}
        names = table.get("classes") or json.loads(metadata.get("classes", "null")) or [str(i) for i in range(given.shape[1])]
        # Of probabilities that are nearly equal either may be the larger.
        for row in numpy.flatnonzero(complete):
            two = numpy.sort(wanted[row])[-2:]
            wrong += classes[row] != names[answers[row]] and two[1] - two[0] > 1e-5
    print(f"{len(wanted)} rows, {wanted.shape[1]} numbers each: largest difference {largest:.2e}, {wrong} other classes")
    sys.exit(0 if largest <= 1e-5 and wrong == 0 else 1)


main()
