#!/usr/bin/env python3
"""Draws gnet's embedded subset from the four files of Fashion-MNIST.

    make-embedded-subset.py SOURCE_FOLDER OUTPUT_FOLDER

SOURCE_FOLDER holds train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz and the two t10k files, as published or as
Debian's package dataset-fashion-mnist installs them (/usr/share/datasets/fashion-mnist).

Six files are written: train (2,000 images) and validation (500) from the training files, test (1,000) from the test
files, the same number of every class. Which images are drawn depends on SEED alone: within a class the images are
ranked by the SHA-256 of "SEED/part/index", train takes the first ones and validation the next ones. An image whose
pixels were drawn before is passed over, so that no two of the 3,500 images are the same. Images keep the order they
have in the source. A rerun writes the same bytes (the compressed bytes also depend on the version of zlib, so the
SHA-256 of the uncompressed content is printed too).

Only the standard library is used.
"""

import argparse
import gzip
import hashlib
import io
import pathlib
import struct
import sys

SEED = "gnet-embedded-1"
CLASSES = 10
IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049
# Images of each class in each split, and the source part they are drawn from.
SPLITS = [("train", "train", 200), ("validation", "train", 50), ("test", "t10k", 100)]


def read_part(folder, part):
    """The images (one bytes object each), the labels and the side of one part of the source."""
    images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    magic, count, rows, columns = struct.unpack_from(">4I", images)
    labels_magic, labels_count = struct.unpack_from(">2I", labels)
    if (magic, labels_magic) != (IMAGES_MAGIC, LABELS_MAGIC):
        sys.exit(f"{part}: magic numbers {magic} and {labels_magic}, not {IMAGES_MAGIC} and {LABELS_MAGIC}")
    if count != labels_count or rows != columns:
        sys.exit(f"{part}: {count} images of {rows}x{columns} and {labels_count} labels")
    size = rows * columns
    if len(images) != 16 + count * size or len(labels) != 8 + count:
        sys.exit(f"{part}: a file does not hold what its header declares")
    return [images[16 + i * size : 16 + (i + 1) * size] for i in range(count)], labels[8:], rows


def ranked(part, labels, wanted):
    """The indices of one class in the order in which they are drawn."""
    indices = [i for i, label in enumerate(labels) if label == wanted]
    return iter(sorted(indices, key=lambda i: hashlib.sha256(f"{SEED}/{part}/{i}".encode()).digest()))


def draw(parts):
    """The source indices of every split, in ascending order."""
    queues = {(part, c): ranked(part, parts[part][1], c) for part in parts for c in range(CLASSES)}
    seen, drawn = set(), {}
    for split, part, per_class in SPLITS:
        images, _, _ = parts[part]
        chosen = []
        for c in range(CLASSES):
            taken = 0
            while taken < per_class:
                index = next(queues[part, c], None)
                if index is None:
                    sys.exit(f"{part}: too few images of class {c}")
                if images[index] not in seen:
                    seen.add(images[index])
                    chosen.append(index)
                    taken += 1
        drawn[split] = sorted(chosen)
    return drawn


def check(parts, drawn):
    """What the subset promises: counts, balance, and no image in two splits."""
    for split, part, per_class in SPLITS:
        labels = [parts[part][1][i] for i in drawn[split]]
        assert all(labels.count(c) == per_class for c in range(CLASSES)), f"{split} is not balanced"
    for part in parts:
        indices = [i for split, source, _ in SPLITS if source == part for i in drawn[split]]
        assert len(indices) == len(set(indices)), f"an image of {part} was drawn twice"


def write(path, content):
    """Writes `content` as gzip, without a name or a time in its header, and says what was written."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(content)
    path.write_bytes(packed.getvalue())
    sums = [hashlib.sha256(data).hexdigest() for data in (packed.getvalue(), content)]
    print(f"{path.name}  {len(packed.getvalue())} bytes\n  sha256 {sums[0]}\n  sha256 {sums[1]} (uncompressed)")
    return len(packed.getvalue())


def main():
    parser = argparse.ArgumentParser(description="Draws gnet's embedded subset from the files of Fashion-MNIST.")
    parser.add_argument("source", type=pathlib.Path, help="folder with the four files of Fashion-MNIST")
    parser.add_argument("output", type=pathlib.Path, help="folder that gets the six files")
    options = parser.parse_args()

    parts = {part: read_part(options.source, part) for part in ("train", "t10k")}
    drawn = draw(parts)
    check(parts, drawn)
    total = 0
    for split, part, per_class in SPLITS:
        images, labels, side = parts[part]
        indices = drawn[split]
        print(f"{split}: {len(indices)} of {len(images)} {part} images, {per_class} of each class")
        header = struct.pack(">4I", IMAGES_MAGIC, len(indices), side, side)
        pixels = b"".join(images[i] for i in indices)
        total += write(options.output / f"{split}-images-idx3-ubyte.gz", header + pixels)
        header = struct.pack(">2I", LABELS_MAGIC, len(indices))
        total += write(options.output / f"{split}-labels-idx1-ubyte.gz", header + bytes(labels[i] for i in indices))
    print(f"total: {total} bytes")


if __name__ == "__main__":
    main()
