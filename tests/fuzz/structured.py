# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the openmm-lps authors
"""Mutations that know the structure of a model file, so that what they change is reached behind magic numbers, lengths and checksums.

``mutate(data, rng)`` takes the file apart by its content: protocol buffers field by field, archives entry by entry, pickles operation by
operation, JSON and YAML as trees, HDF5 at the numbers of its metadata, native files by header and body. What it cannot take apart it
changes by bytes.
"""

import io
import json
import pickletools
import re
import struct
import zipfile
import zlib

POWERS = [3, 6, 7, 8, 12, 15, 16, 22, 24, 26, 28, 30, 31, 32, 40, 53, 62, 63, 64]
NUMBERS = [0, 1, 2, 3, 5, 1000, 10**6, -1, -2, -(2**31), -(2**63), *[2**k + d for k in POWERS for d in (-1, 0, 1)]]
HDF5_MARKS = re.compile(rb"TREE|SNOD|HEAP|GCOL|OHDR|OCHK|BTHD|BTLF|FRHP|FSHD|json\0|\x89HDF")
FAULTS = (ValueError, LookupError, TypeError, OverflowError, EOFError, OSError, RuntimeError, AttributeError, struct.error,
          zlib.error, zipfile.BadZipFile)  # fmt: skip


def mutate(data, rng):
    """Other bytes of the same kind, by one to four changes."""
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        try:
            data = _once(data, rng)
        except FAULTS:  # earlier changes went too far for a parser here
            data = blind(data, rng)
    return data


def _once(data, rng):
    if rng.random() < 0.1:
        return blind(data, rng)
    if data.startswith(b"PK"):
        return _archive(data, rng)
    if data.startswith(b"\x89HDF"):
        return _hdf5(data, rng)
    if data[8:9] == b"{":
        return _native(data, rng)
    if data[:1] == b"\x0a" and b"\0" in data[:65536]:
        return _message(data, rng, 0)
    if data[:2] == b"\x80\x02":
        return _pickle(data, rng)
    if data[:1] in b"{[":
        return json.dumps(_tree(json.loads(data), rng)).encode()
    return _yaml(data, rng)


def _bytes(rng, width):
    """One of the numbers, in some bytes."""
    return (rng.choice(NUMBERS) % 2 ** (8 * width)).to_bytes(width, rng.choice(["little", "little", "big"]))


def blind(data, rng):
    """Change, insert, repeat or drop some bytes anywhere."""
    data = bytearray(data)
    at = rng.randrange(len(data) + 1)
    kind = rng.randrange(5)
    if kind == 0 and data:
        data[at % len(data)] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
    elif kind == 1:
        width = rng.choice([1, 2, 4, 8])
        data[at : at + width] = _bytes(rng, width)
    elif kind == 2:
        data[at:at] = data[at : at + rng.choice([1, 8, 100, 3000])] * rng.choice([1, 2, 10])
    elif kind == 3:
        del data[at : at + rng.choice([1, 4, 100, 5000])]
    else:
        data[at:at] = rng.randbytes(rng.choice([1, 4, 16]))
    return bytes(data)


# Protocol buffers


def _varint(value):
    value %= 2**64
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def _read_varint(data, at):
    value = shift = 0
    while shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
    raise ValueError


def _fields(data):
    """List of (key, payload): an integer, or bytes. Raises ValueError or IndexError unless it is a whole message."""
    found, at = [], 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind not in (0, 1, 2, 5) or not key >> 3:
            raise ValueError
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            length, at = _read_varint(data, at)
        if kind == 0:
            found.append((key, length))
            continue
        if at + length > len(data):
            raise ValueError
        found.append((key, data[at : at + length]))
        at += length
    return found


def _encode(fields):
    out = bytearray()
    for key, value in fields:
        number = isinstance(value, int)
        out += _varint(key) + (_varint(value if number else len(value)) if number or key & 7 == 2 else b"")
        out += b"" if number else value
    return bytes(out)


def _message(data, rng, depth):
    fields = _fields(data)
    k = rng.randrange(len(fields))
    key, value = fields[k]
    number = isinstance(value, int)
    if not number and key & 7 == 2 and value and rng.random() < 0.85 and depth < 8:
        try:
            fields[k] = (key, _message(value, rng, depth + 1))
            return _encode(fields)
        except (ValueError, IndexError):
            pass
    kind = rng.randrange(8)
    if number and kind < 4:
        fields[k] = (key, rng.choice(NUMBERS))
    elif kind < 2 and key & 7 == 2:
        fields[k] = (key, rng.choice([b"", value[: len(value) // 2], value * 2, blind(value, rng), b"\xff" * 9]))
    elif kind == 2:
        fields[k:k] = [fields[k]] * rng.choice([1, 2, 10, 1000 if len(str(value)) < 60 else 3])
    elif kind == 3:
        del fields[k]
    elif kind == 4:
        fields[k] = (key ^ rng.choice([8, 16, 24, 2, 1, 5]), b"12345678" if number else value)
    elif kind == 5:
        fields[k] = rng.choice(fields)
    elif kind == 6:
        fields.insert(k, (rng.randrange(1, 16) * 8, rng.choice(NUMBERS)))
    else:
        content = [b"", b"\x08" + _varint(rng.choice(NUMBERS)), bytes(16), b"x" if number else value]
        fields.insert(k, (rng.randrange(1, 16) * 8 + 2, rng.choice(content)))
    return _encode(fields)


# Trees of JSON


def _value(rng, other):
    """A value that may stand anywhere in a tree."""
    kind = rng.randrange(12)
    if kind < 3:
        return rng.choice(NUMBERS)
    if kind == 3:
        return rng.choice([None, True, False, 0.5, -1e300, 1e308, 1e-320, 10**60, "", "tanh", "float64", "nan", "é" * 70, "x" * 5000])  # fmt: skip
    if kind == 4:
        deep = []
        for _ in range(rng.choice([5, 45, 200, 900])):
            deep = [deep] if rng.random() < 0.8 else {"a": deep}
        return deep
    if kind == 5:
        return [rng.choice([0, 1.5, [], {}, None, "a", [0.0]])] * rng.choice([1, 9, 300, 20000])
    if kind == 6:
        names = ["", "layers", "w", "@class", "@variables"]
        return {f"{rng.choice(names)}{k}": other for k in range(rng.choice([0, 1, 5, 300]))}
    if kind == 7:
        array = 0.25
        for _ in range(rng.randrange(1, 4)):
            array = [array] * rng.choice([0, 1, 2, 3, 6, 30])
        dtype = rng.choice(["float64", "float32", "int64", "float16", "bool"])
        return {"@class": "np.ndarray", "@is_variable": True, "dtype": dtype, "value": array}
    return [other] * rng.choice([0, 1, 2, 5, 40]) if kind == 8 else other


def _places(tree):
    """Every (container, key) of a tree."""
    found, stack = [], [tree]
    while stack and len(found) < 100_000:
        container = stack.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        # All entries of what describes the model; of long rows of numbers only the first few.
        for key in keys if isinstance(container, dict) or len(container) < 64 else range(8):
            found.append((container, key))
            if isinstance(container[key], (dict, list)):
                stack.append(container[key])
    return found


def _tree(tree, rng):
    places = _places(tree if isinstance(tree, (dict, list)) else [tree])
    named = [p for p in places if isinstance(p[0], dict)]
    container, key = rng.choice(named if named and rng.random() < 0.7 else places)
    other, name = rng.choice(places)
    kind = rng.randrange(8)
    copy = json.loads(json.dumps(other[name]))
    if kind < 4:
        container[key] = _value(rng, copy)
    elif kind == 4:
        del container[key]
    elif kind == 5 and isinstance(container, list):
        container[key:key] = [container[key]] * rng.choice([1, 2, 30])
    elif kind == 5:
        container[rng.choice(["type", "spin", "@version", "models", "compress", "exclude_types", "x" * 300])] = copy
    elif kind == 6 and isinstance(container[key], list):
        container[key] = container[key][: rng.randrange(len(container[key]) + 1)]
    else:
        container[key] = copy
    return tree


# YAML

ANCHORED = [b"[1.0, 2.0]", b"{a: 1}", b"text", b"{'@class': np.ndarray, dtype: float64, value: [[1.0]]}"]
LINES = [b"? ", b"- " * 70, b"<<: *same", b"!!binary ", b"%YAML 1.1", b"---", b"...", b"[" * 3000, b"{a: " * 90, b"\t",
         b'"\\U0001F600"', b"|+\n" * 30]  # fmt: skip


def _yaml(data, rng):
    lines = data.split(b"\n")
    k = rng.randrange(len(lines))
    kind = rng.randrange(8)
    head, colon, tail = lines[k].partition(b":")
    indent = lines[k][: len(lines[k]) - len(lines[k].lstrip())]
    if kind == 0:
        lines[k:k] = lines[k : k + rng.choice([1, 3, 40])] * rng.choice([1, 2, 10])
    elif kind == 1:
        del lines[k : k + rng.choice([1, 2, 30])]
    elif kind == 2 and colon:
        lines[k] = head + b": " + json.dumps(_value(rng, 1.0)).encode()
    elif kind == 3 and colon:  # a tower of aliases
        wide, high = rng.choice([2, 10, 30]), rng.choice([2, 5, 30])
        tower = [b"z%d: &z%d [%s]" % (n, n, b", ".join([b"*z%d" % (n - 1)] * wide)) for n in range(1, high)]
        lines[k] = head + b": *z%d" % (high - 1)
        lines[0:0] = [b"z0: &z0 " + rng.choice(ANCHORED), *tower]
    elif kind == 4 and colon:  # one anchor, used in other places
        lines[k] = head + b": &same" + tail
        for _ in range(rng.choice([1, 5, 50])):
            n = rng.randrange(len(lines))
            if n > k and b":" in lines[n]:
                lines[n] = lines[n].partition(b":")[0] + b": *same"
    elif kind == 5:
        lines[k] = indent + rng.choice(LINES)
    elif kind == 6:
        lines[k] = indent + b" " * rng.choice([1, 2, 8, 4000]) + lines[k].lstrip()
    else:
        words = lines[k].split(b" ")
        other = rng.choice([*NUMBERS, "1e400", ".nan", "0x7f", "1_000", "~", "''"])
        words[rng.randrange(len(words))] = str(other).encode()
        lines[k] = b" ".join(words)
    return b"\n".join(lines)


# Archives, pickles


def _archive(data, rng):
    if rng.random() < 0.25:  # the fields of its headers
        data = bytearray(data)
        marks = [m.start() for m in re.finditer(rb"PK(\x01\x02|\x03\x04|\x05\x06|\x06\x06|\x07\x08)", data)]
        width = rng.choice([2, 4, 8])
        at = rng.choice(marks) + rng.randrange(2, 46)
        data[at : at + width] = _bytes(rng, width)
        return bytes(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    names = [n for n in entries if n.endswith((".pkl", ".json"))]
    name = rng.choice(names if names and rng.random() < 0.8 else list(entries))
    content, kind = entries[name], rng.random()
    if kind < 0.8:
        entries[name] = _once(content, rng) if content and name in names else blind(content, rng)
    elif kind < 0.85:
        del entries[name]
    elif kind < 0.9:
        entries[name] = content * rng.choice([0, 2, 20])
    elif kind < 0.95:
        entries[name] = bytes(rng.choice([100, 10**5, 3 * 10**6]))
    else:
        entries[rng.choice(["model.json", "a/model.json", "data.pkl", "x/data/0", "x/byteorder", "../../x"])] = content
    stream = io.BytesIO()
    packing = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for entry, content in entries.items():
            if (
                "/code/" not in entry or rng.random() < 0.02
            ):  # code is not read; without it what is left is the larger part
                archive.writestr(entry, content)
    return stream.getvalue()


def _pickle(data, rng):
    starts = [position for _, _, position in pickletools.genops(data)] + [len(data)]
    pieces = [data[a:b] for a, b in zip(starts, starts[1:], strict=False)]
    k = rng.randrange(len(pieces) - 1)
    kind = rng.randrange(7)

    def one_of(codes):
        return rng.choice([n for n, piece in enumerate(pieces) if piece[:1] in codes])

    if kind == 0:  # an integer of any width
        pieces[one_of(b"KMJ\x8a")] = _pickled_integer(rng.choice(NUMBERS))
    elif kind == 1:
        pieces[k:k] = pieces[k : k + rng.choice([1, 5, 40])] * rng.choice([1, 3, 30])
    elif kind == 2:
        del pieces[k : k + rng.choice([1, 2, 10])]
    elif kind == 3:  # the same object in another place
        number = pieces[one_of(b"qr")][1:]
        pieces[k] = (b"h" if len(number) == 1 else b"j") + number
    elif kind == 4:
        n = rng.randrange(len(pieces) - 1)
        pieces[k], pieces[n] = pieces[n], pieces[k]
    elif kind == 5:
        k = one_of(b"X")
        text = rng.choice([pieces[one_of(b"X")][5:], b"", b"0", b"64", b"16383", b"x" * 5000, pieces[k][5:] * 3])
        pieces[k] = b"X" + struct.pack("<I", rng.choice([len(text)] * 9 + NUMBERS) % 2**32) + text
    else:
        pieces[k] = bytes([rng.choice(b"(t}])02N\x88aesuRbQ\x85\x86")])
    return b"".join(pieces)


def _pickled_integer(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


# HDF5, native files


def _hdf5(data, rng):
    text = re.search(rb'\{"', data)
    if text and rng.random() < 0.35:  # the description, of the same length if it fits: it lies in a heap
        start = text.start()
        end = data.index(b"\0", start) if b"\0" in data[start:] else len(data)
        new = json.dumps(_tree(json.loads(data[start:end]), rng), separators=(",", ":")).encode()
        if len(new) <= end - start:
            return data[:start] + new.ljust(end - start) + data[end:]
        import h5py

        stream = io.BytesIO(data)
        with h5py.File(stream, "r+") as file:
            file.attrs["json"] = new.decode()
        return stream.getvalue()
    data = bytearray(data)
    mark = rng.choice([m.start() for m in HDF5_MARKS.finditer(data)])
    at = max(0, mark + rng.choice([rng.randrange(-48, 400), 4 * rng.randrange(-4, 24)]))
    at -= at % 4 if rng.random() < 0.5 else 0
    for _ in range(rng.choice([1, 1, 2, 3])):
        width = rng.choice([1, 1, 2, 4, 4, 8])
        number = rng.choice([*NUMBERS, *[rng.randrange(2**32)] * 9, mark, len(data), len(data) - 1])
        data[at : at + width] = (number % 2 ** (8 * width)).to_bytes(width, "little")
        at += rng.choice([8, 16, 4, width])
    return bytes(data)


def _native(data, rng):
    length = int.from_bytes(data[:8], "little")
    header, body = data[8 : 8 + length], data[8 + length :]
    kind = rng.randrange(6)
    if kind == 0:
        return _bytes(rng, 8) + header + body
    top = json.loads(header)
    if kind == 1:
        body = blind(body, rng)
    elif kind == 2:
        top = _tree(top, rng)
    else:
        part = rng.choice(["model", "model", "provenance"])
        tree = _tree(json.loads(top["__metadata__"][part]), rng)
        top["__metadata__"][part] = json.dumps(tree, separators=(",", ":"))
    header = json.dumps(top, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + body
