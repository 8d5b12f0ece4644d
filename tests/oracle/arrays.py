"""NumPy's and onnxruntime's side of `--inputs-from` and `--save-outputs`.

`make FOLDER` writes arrays for the models there in every form that NumPy has, and what onnxruntime makes of them. `judge FOLDER`
reads what gnet wrote, `MODEL.NAME.out.npz`, as a user of NumPy does, and prints a line for each difference from that.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

RNG = np.random.default_rng(7)
TYPES = {"float": np.float32, "float16": np.float16, "double": np.float64, "bool": np.bool_}


def array(port):
    """Numbers that any model here takes: three samples, and five of what else is open."""
    shape = [size if isinstance(size, int) else {"N": 3, "T": 5}[size] for size in port.shape]
    kind = port.type.removeprefix("tensor(").removesuffix(")")
    dtype = np.dtype(TYPES.get(kind, kind))
    if dtype.kind == "f":
        return RNG.standard_normal(shape).astype(np.float16).astype(dtype)
    if dtype.kind == "b":
        return RNG.random(shape) < 0.7
    return RNG.integers(0, 7, shape).astype(dtype)


def turned(values):
    """The same values with the bytes and the axes the other way round."""
    other = np.asfortranarray(values).astype(values.dtype.newbyteorder(">"))
    assert np.array_equal(other, values)
    return other


def make(folder):
    for model in sorted(folder.glob("*.onnx")):
        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        feeds = {port.name: array(port) for port in session.get_inputs()}
        if model.stem == "wide":
            feeds = {"x": np.array([1 << 40, -(1 << 62), 3]), "d": np.array([0.5, -3.0, 1e10])}
        np.savez(folder / f"{model.stem}.npz", **feeds)
        np.savez_compressed(folder / f"{model.stem}_packed.npz", **feeds)
        np.savez(folder / f"{model.stem}_turned.npz", **{name: turned(values) for name, values in feeds.items()})
        if len(feeds) == 1:
            np.save(folder / f"{model.stem}.npy", *feeds.values())
            np.savez(folder / f"{model.stem}_unnamed.npz", *feeds.values())
        names = [port.name for port in session.get_outputs()]
        np.savez(folder / f"{model.stem}.expected.npz", **dict(zip(names, session.run(None, feeds))))
    few = {"x": np.zeros((2, 2, 5, 5), np.float32)}
    np.savez(folder / "objects.npz", x=np.array([[1], [2, 3]], dtype=object))
    np.save(folder / "text.npy", np.array(["a", "bc"]))
    np.savez(folder / "double.npz", x=few["x"].astype(np.float64))
    np.save(folder / "records.npy", np.zeros(3, dtype=[("a", "<f4"), ("b", "<i8", (2,))]))
    np.savez(folder / "more.npz", y=few["x"], **few)


def judge(folder):
    # Engines sum in another order; a double that went through 32 bits is further off.
    near = {2: 1e-3, 4: 1e-4, 8: 1e-14}
    files = sorted(folder.glob("*.out.npz"))
    for file in files:
        expected = np.load(folder / f"{file.name.split('.')[0]}.expected.npz")
        # Without pickles: nothing is run.
        found = np.load(file)
        sides = sorted({name.split("/")[0] for name in found.files if "/" in name})
        wanted = {f"{side}/{name}": name for side in sides for name in expected.files} or {n: n for n in expected.files}
        if sorted(found.files) != sorted(wanted):
            print(f"{file.name}: holds {sorted(found.files)}, expected {sorted(wanted)}")
            continue
        for name, of in wanted.items():
            a, b = found[name], expected[of]
            if (a.dtype, a.shape, a.flags.c_contiguous) != (b.dtype, b.shape, True):
                print(f"{file.name}: {name} is {a.dtype} {a.shape}, expected {b.dtype} {b.shape}")
            elif not (np.allclose(a, b, rtol=near[a.dtype.itemsize], atol=0) if a.dtype.kind == "f" else np.array_equal(a, b)):
                print(f"{file.name}: {name} is {a.ravel()[:4]}.., expected {b.ravel()[:4]}..")
    print(f"judged {len(files)}")


{"make": make, "judge": judge}[sys.argv[1]](Path(sys.argv[2]))
