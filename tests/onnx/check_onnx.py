# Checks quench's ONNX files with the onnx checker and ONNX Runtime, and quench's reading of files by onnx and PyTorch.
# SPDX-License-Identifier: MIT
"""check_onnx.py ONNX_TOOL [--python PYTHON] [--torch]

Needs the Python packages onnx, onnxruntime and numpy (and torch, optionally): those of PYTHON when it has them, else
they are installed into a virtual environment in a temporary folder. Exits with 77 (skipped) where they cannot be had.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

SKIPPED = 77
TOLERANCE = 1e-5
EVENTS = 200


def succeeds(*command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def works(python, modules):
    return succeeds(python, "-c", "import " + ", ".join(modules))


def install(python, *arguments):
    return succeeds(python, "-m", "pip", "install", "--quiet", "--retries", "1", *arguments)


def interpreter_with_packages(arguments, folder):
    """A Python that has what the checks need, or None."""
    needed = ["onnx", "onnxruntime", "numpy"]
    python = arguments.python or sys.executable
    if not works(python, needed):
        environment = os.path.join(folder, "venv")
        python = os.path.join(environment, "bin", "python3")
        made = succeeds(sys.executable, "-m", "venv", environment)
        if not made or not install(python, *needed) or not works(python, needed):
            return None
    if arguments.torch and not works(python, ["torch"]):
        install(python, "torch", "--index-url", "https://download.pytorch.org/whl/cpu") or install(python, "torch")
    return python


def compare(np, got, expected, threshold):
    """The largest difference, relative to values above 1. A voxel at the threshold may be on either side of it."""
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    error = np.abs(got - expected) / np.maximum(1.0, np.abs(expected))
    if threshold:
        kept = np.maximum(got, expected)
        undecided = (np.minimum(got, expected) == 0) & (np.abs(kept - threshold) <= TOLERANCE * threshold)
        error[undecided] = 0
    return error.max() if got.shape == expected.shape else np.inf


def check_written(tool, folder):
    """quench writes, others read."""
    import numpy as np
    import onnx
    import onnxruntime

    subprocess.run([tool, "write", folder], check=True)
    wrong = 0
    for path in sorted(pathlib.Path(folder).glob("*.onnx")):
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
        threshold = [float(value[0]) for name, value in constants.items() if name.endswith(".mev")]
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        inputs = {i.name: np.load(path.with_suffix("." + i.name + ".npy")) for i in session.get_inputs()}
        expected = np.load(path.with_suffix(".expected.npy"))
        worst = compare(np, session.run(None, inputs)[0], expected, threshold[0] if threshold else None)
        print(f"{path.name}: onnx.checker passes, ONNX Runtime differs by at most {worst:.3g}")
        wrong += not worst <= TOLERANCE
    return wrong


def foreign_networks():
    """name -> (function of the opset giving nodes, the output's width, initialisers; opsets). x is [events, 6]."""
    import numpy as np
    from onnx import helper, numpy_helper

    random = np.random.default_rng(7)

    def weight(name, *shape):
        return numpy_helper.from_array(random.uniform(-1, 1, shape).astype(np.float32), name)

    def integers(name, *values):
        return numpy_helper.from_array(np.array(values, dtype=np.int64), name)

    node = helper.make_node

    def dense(opset):
        return [node("MatMul", ["x", "w1"], ["a"], name="first"), node("Add", ["b1", "a"], ["b"]),
                node("Relu", ["b"], ["c"]),
                node("Gemm", ["c", "w2", "b2"], ["d"], alpha=0.5, beta=-2.0), node("Sigmoid", ["d"], ["e"]),
                node("Gemm", ["e", "w3"] + (["b3"] if opset < 11 else []), ["f"], transB=1),
                node("Tanh", ["f"], ["y"])], 3, [
                    weight("w1", 6, 8), weight("b1", 8), weight("w2", 8, 5), weight("b2", 1, 5), weight("w3", 3, 5),
                    weight("b3", 1)]

    def columns(opset):
        if opset < 10:
            nodes = [node("Slice", ["x"], ["a"], axes=[1], starts=[-4], ends=[2147483647]),
                     node("Slice", ["x"], ["b"], starts=[0, 1], ends=[2147483647, -2])]
        else:
            nodes = [node("Slice", ["x", "minus_four", "far", "minus_one"], ["a"]),
                     node("Slice", ["x", "starts", "ends"], ["b"])]
        if opset < 13:
            nodes += [node("Split", ["x"], ["c", "d"], axis=1, split=[4, 2]),
                      node("Split", ["x"], ["e", "f"], axis=-1)]
        else:
            more = {"num_outputs": 2} if opset >= 18 else {}
            nodes += [node("Split", ["x", "sizes"], ["c", "d"], axis=1),
                      node("Split", ["x"], ["e", "f"], axis=-1, **more)]
        nodes += [node("Concat", ["f", "d", "a", "b", "c", "e"], ["g"], axis=-1),
                  node("LeakyRelu", ["g"], ["y"], alpha=0.3)]
        return nodes, 19, [integers("minus_four", -4), integers("far", 2**63 - 1), integers("minus_one", -1),
                           integers("starts", 0, 1), integers("ends", 2**31 - 1, -2), integers("sizes", 4, 2)]

    def furniture(opset):
        shape = numpy_helper.from_array(np.array([-1, 6], dtype=np.int64))
        nodes = [node("Constant", [], ["shape"], value=shape), node("Reshape", ["x", "shape"], ["a"]),
                 node("Identity", ["w"], ["same"]), node("Transpose", ["same"], ["flipped"], perm=[1, 0]),
                 node("MatMul", ["a", "flipped"], ["b"]), node("Add", ["b", "shift"], ["c"]),
                 node("BatchNormalization", ["c", "scale", "shift", "mean", "variance"], ["d"], epsilon=0.01),
                 node("Flatten", ["d"], ["e"]), node("Dropout", ["e"], ["f"]),
                 node("Gemm", ["f", "w", "shift"], ["g"], transB=1), node("Identity", ["g"], ["y"])]
        variance = numpy_helper.from_array(random.uniform(0.1, 2, 6).astype(np.float32), "variance")
        typed = helper.make_tensor("shift", 1, [6], [0.1, -0.2, 0.3, -0.4, 0.5, -0.6])
        return nodes, 6, [weight("w", 6, 6), weight("scale", 6), weight("mean", 6), typed, variance]

    def elementwise(opset):
        bounds = {"min": -0.7, "max": 0.9} if opset < 11 else {}
        clip = ["a"] if opset < 11 else ["a", "low", "high"]
        nodes = [node("Gather", ["x", "order"], ["a"], axis=-1), node("Clip", clip, ["b"], **bounds),
                 node("Exp", ["b"], ["c"]), node("Softplus", ["a"], ["d"]), node("Mul", ["c", "d"], ["e"]),
                 node("Add", ["x", "e"], ["f"]), node("Softmax", ["f"], ["y"], **({"axis": -1} if opset == 9 else {}))]
        scalars = [helper.make_tensor(name, 1, [], [value]) for name, value in [("low", -0.7), ("high", 0.9)]]
        return nodes, 6, [integers("order", 4, -1, 0, 2, 1, 3), *scalars]

    def normalised(opset):
        nodes = [node("LayerNormalization", ["x", "g", "b"], ["a"], epsilon=0.01),
                 node("LayerNormalization", ["a", "g"], ["y"], axis=1)]
        return nodes, 6, [weight("g", 6), weight("b", 6)]

    return {"dense": (dense, [7, 9, 11, 13, 17, 21]), "columns": (columns, [9, 10, 12, 13, 17, 18]),
            "normalised": (normalised, [17, 18]), "elementwise": (elementwise, [9, 11, 13, 14, 18]),
            "furniture": (furniture, [9, 11, 13, 14, 17, 20])}


def write_foreign(folder):
    """Cases by the onnx package, with ONNX Runtime's results."""
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    for name, (build, opsets) in foreign_networks().items():
        for opset in opsets:
            nodes, width, initializers = build(opset)
            used = {i for n in nodes for i in n.input}
            x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 6])
            y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", width])
            graph = helper.make_graph(nodes, name, [x], [y], [t for t in initializers if t.name in used])
            versions = {"opset_imports": [helper.make_opsetid("", opset)], "ir_version": 7 if opset < 18 else 9}
            model = helper.make_model(graph, **versions)
            onnx.checker.check_model(model, full_check=True)
            stem = os.path.join(folder, f"{name}{opset}")
            inputs = np.random.default_rng(opset).normal(size=(EVENTS, 6)).astype(np.float32)
            session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            np.save(stem + ".x.npy", inputs)
            np.save(stem + ".expected.npy", session.run(None, {"x": inputs})[0])
            if opset % 2 == 0:  # nodes in any order
                del model.graph.node[:]
                model.graph.node.extend(reversed(nodes))
            beside = {"save_as_external_data": opset == 13, "location": f"{name}{opset}.data", "size_threshold": 0}
            onnx.save(model, stem + ".onnx", **beside)


def write_torch(folder):
    """Cases by PyTorch's exporter, with PyTorch's results; a line says so where there is no PyTorch."""
    try:
        import torch
    except ImportError as reason:
        return print(f"skipped: networks exported by PyTorch ({reason})")
    torch.manual_seed(3)
    nn = torch.nn

    class Generator(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Sequential(nn.Linear(9, 16), nn.BatchNorm1d(16), nn.LeakyReLU(0.2), nn.Dropout(0.5),
                                        nn.Linear(16, 12, bias=False), nn.BatchNorm1d(12, affine=True), nn.ReLU())
            self.last = nn.Linear(12, 8)

        def forward(self, latent, condition):
            h = self.hidden(torch.cat([latent, condition], dim=1))
            a, b = torch.split(self.last(h), [3, 5], dim=1)
            c, d = h.chunk(2, dim=1)
            return torch.cat([torch.sigmoid(a), torch.tanh(b), c[:, 1:4], d[:, -2:], condition], dim=-1)

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            layers = [nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4)]
            self.net = nn.Sequential(nn.Flatten(), *layers)

        def forward(self, x):
            return self.net(x)

    class Shapes(nn.Module):  # sizes taken from the tensor
        def forward(self, x):
            a, b = torch.tanh(x).chunk(2, dim=1)
            start = x.shape[1] - 4
            whole, half = x.view(x.size(0), -1), x[:, :x.shape[1] // 2]
            return torch.cat([b, whole, half, a, x[:, start:], x.narrow(1, 2, 3)], dim=-1)

    def randomise(net):
        for module in net.modules():
            if isinstance(module, nn.BatchNorm1d):
                nn.init.uniform_(module.running_mean, -1, 1), nn.init.uniform_(module.running_var, 0.2, 2)
                nn.init.uniform_(module.weight, 0.5, 1.5), nn.init.uniform_(module.bias, -1, 1)
        return net.eval()

    def case(name, net, inputs, **options):
        import numpy as np
        stem = os.path.join(folder, name)
        names = list(inputs)
        try:
            torch.onnx.export(net, tuple(inputs.values()), stem + ".onnx", input_names=names, **options)
        except Exception as reason:  # an exporter that does not know this opset, or lacks a package
            if os.path.exists(stem + ".onnx"):
                os.remove(stem + ".onnx")
            return print(f"skipped: {name}: PyTorch {torch.__version__} does not export it ({type(reason).__name__})")
        for key, tensor in inputs.items():
            np.save(f"{stem}.{key}.npy", tensor.numpy())
        with torch.no_grad():
            np.save(stem + ".expected.npy", net(*inputs.values()).numpy())

    generator, plain = randomise(Generator()), randomise(Plain())
    two = {"latent": torch.randn(EVENTS, 8), "condition": torch.rand(EVENTS, 1)}
    one = {"x": torch.randn(EVENTS, 6)}
    for opset in [9, 11, 13, 15, 17]:
        open_events = {"dynamic_axes": {"latent": {0: "n"}, "condition": {0: "n"}}}
        case(f"torch_generator{opset}", generator, two, opset_version=opset, dynamo=False, **open_events)
        case(f"torch_raw{opset}", generator, two, opset_version=opset, dynamo=False, do_constant_folding=False)
        case(f"torch_plain{opset}", plain, one, opset_version=opset, dynamo=False)
    for opset in [11, 13, 17]:
        axes = {"x": {0: "n"}}
        case(f"torch_shapes{opset}", Shapes(), one, opset_version=opset, dynamo=False, dynamic_axes=axes)
    open_events = torch.export.Dim("events") if hasattr(torch, "export") else None
    for name, net, inputs in [("generator", generator, two), ("plain", plain, one), ("shapes", Shapes(), one)]:
        case(f"torch_{name}_dynamo", net, inputs, dynamo=True, verbose=False)
        dimensions = {key: {0: open_events} for key in inputs}
        case(f"torch_{name}_dynamo_open", net, inputs, dynamo=True, verbose=False, dynamic_shapes=dimensions)


def check(tool):
    with tempfile.TemporaryDirectory() as folder:
        wrong = check_written(tool, folder)
    with tempfile.TemporaryDirectory() as folder:
        write_foreign(folder)
        write_torch(folder)
        wrong += subprocess.run([tool, "compare", folder]).returncode != 0
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--python", help="an interpreter that may have the packages already")
    parser.add_argument("--torch", action="store_true", help="install PyTorch too where it is missing (large)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)  # the packages are here
    arguments = parser.parse_args()
    if arguments.inside:
        return check(arguments.tool)
    with tempfile.TemporaryDirectory() as folder:
        python = interpreter_with_packages(arguments, folder)
        if python is None:
            print("skipped: the Python packages onnx, onnxruntime and numpy are neither here nor can they be installed")
            return SKIPPED
        tool, script = os.path.abspath(arguments.tool), os.path.abspath(__file__)
        return subprocess.run([python, script, tool, "--inside"], cwd=folder).returncode


if __name__ == "__main__":
    sys.exit(main())
