#!/usr/bin/env python3
"""Writes the files that fuzzing begins with: small ones, and every kind of entry, tensor and mistake.

Usage: offchain-worker/inference/fuzz/seeds.py

Those whose names begin with `valid` are accepted, the others are refused. What fuzzing has found lies
beside them, and was not written by this.
"""

import json
import pathlib
import struct

SEEDS = pathlib.Path(__file__).parent / "seeds"

# GGUF's types of metadata, with how a number of them is packed.
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
UNSIGNED, SIGNED, FLOAT, BOOL, TEXT, LIST = 4, 5, 6, 7, 8, 9

# GGUF's types of tensors: elements and bytes of a block.
F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4K, Q6K, BF16 = 0, 1, 2, 3, 6, 7, 8, 12, 14, 30
BLOCKS = {
    F32: (1, 4), F16: (1, 2), BF16: (1, 2), Q4_0: (32, 18), Q4_1: (32, 20), Q5_0: (32, 22),
    Q5_1: (32, 24), Q8_0: (32, 34), 10: (256, 84), 11: (256, 110), Q4K: (256, 144), 13: (256, 176),
    Q6K: (256, 210),
}


def text(value):
    value = value.encode()
    return struct.pack("<Q", len(value)) + value


def packed(kind, value):
    if kind == TEXT:
        return text(value)
    if kind == LIST:
        of, items = value
        return struct.pack("<IQ", of, len(items)) + b"".join(packed(of, i) for i in items)
    return struct.pack("<" + NUMBERS[kind], value)


def padding(length, alignment):
    return bytes(-length % alignment)


def number(kind, at):
    """A block whose scales are small finite numbers."""
    size = BLOCKS[kind][1]
    if kind == F32:
        return struct.pack("<f", (at % 7 - 3) / 8)
    if kind in (F16, BF16):
        return struct.pack("<e", (at % 7 - 3) / 8)
    block = bytearray((at * 37 + i * 11) % 256 for i in range(size))
    scale = struct.pack("<e", 0.01)
    places = {Q6K: (208,), Q4_1: (0, 2), Q5_1: (0, 2), Q4K: (0, 2)}.get(kind, (0,))
    for place in places:
        block[place : place + 2] = scale
    return bytes(block)


def tensor_bytes(kind, dims):
    count = 1
    for dim in dims:
        count *= dim
    return b"".join(number(kind, at) for at in range(count // BLOCKS[kind][0]))


def gguf(entries, tensors, version=3, alignment=32):
    """`entries` are (key, type, value), `tensors` are (name, type, dimensions, innermost first)."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries))
    for key, kind, value in entries:
        head += text(key) + struct.pack("<I", kind) + packed(kind, value)
    data = b""
    for name, kind, dims in tensors:
        head += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, len(data))
        data += tensor_bytes(kind, dims)
        data += padding(len(data), alignment)
    return head + padding(len(head), alignment) + data


def safetensors(header, data=b""):
    if not isinstance(header, str):
        header = json.dumps(header, separators=(",", ":"), ensure_ascii=False)
    header = header.encode()
    return struct.pack("<Q", len(header)) + header + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def gguf_seeds():
    values = {0: 8, 1: -8, 2: 16, 3: -16, 4: 32, 5: -32, 6: 0.5, 7: True, 8: "né", 10: 64, 11: -64, 12: 1e9}
    singles = [(f"v{kind}", kind, value) for kind, value in values.items()]
    lists = [(f"l{kind}", LIST, (kind, [value] * 2)) for kind, value in values.items()]
    every_type = [(f"t{kind}", kind, [block, 1]) for kind, (block, _) in BLOCKS.items()]
    one = [("w", Q4_1, [32, 1])]
    yield "valid-empty", gguf([], [])
    yield "valid-version-2", gguf([("k", BOOL, False)], one, version=2)
    yield "valid-values", gguf(singles, one)
    yield "valid-lists", gguf(lists, one)
    yield "valid-empty-lists", gguf([("t", LIST, (TEXT, [])), ("n", LIST, (FLOAT, []))], [])
    yield "valid-types", gguf([], every_type)
    yield "valid-dimensions", gguf([], [(f"d{n}", F32, [2] * n) for n in range(1, 5)])
    yield "valid-alignment", gguf([("general.alignment", UNSIGNED, 8)], one, alignment=8)
    yield "odd-alignment", gguf([("general.alignment", UNSIGNED, 24)], one)
    yield "no-truth", gguf([("k", BOOL, 2)], [])
    yield "list-of-lists", gguf([("k", LIST, (LIST, [(TEXT, [])]))], one)
    yield "same-key", gguf([("k", BOOL, True)] * 2, one)
    yield "same-name", gguf([], one * 2)
    yield "empty-key", gguf([("", BOOL, True)], one)
    yield "empty-name", gguf([], [("", Q4_1, [32, 1])])
    yield "shared-bytes", gguf([], [("a", F32, [16]), ("b", F32, [16])]).replace(
        struct.pack("<IQ", F32, 64), struct.pack("<IQ", F32, 32)
    )


def safetensors_seeds():
    widths = {"U8": 1, "F16": 2, "BF16": 2, "F32": 4, "U32": 4, "F64": 8, "I64": 8}
    header, at = {"__metadata__": {"format": "pt", "né\n": ""}}, 0
    for dtype, width in widths.items():
        header[f"t.{dtype}"] = tensor(dtype, [1, 2], at, at + 2 * width)
        at += 2 * width
    one = json.dumps(tensor("U8", [], 0, 1))
    yield "valid-types", safetensors(header, bytes(at))
    yield "valid-empty", safetensors({})
    yield "valid-no-metadata", safetensors('{"__metadata__":null}  ')
    yield "valid-escapes", safetensors(f'{{"\\u00e9\\n":{one}}}', b"\0")
    yield "valid-dimensions", safetensors({"w": tensor("F32", [1] * 8, 0, 4)}, bytes(4))
    yield "nine-dimensions", safetensors({"w": tensor("F32", [1] * 9, 0, 4)}, bytes(4))
    yield "same-name", safetensors(f'{{"w":{one},"w":{one}}}', b"\0")
    yield "same-metadata", safetensors('{"__metadata__":{},"__metadata__":{}}')
    yield "empty-name", safetensors(f'{{"":{one}}}', b"\0")
    yield "deep", safetensors('{"w":' + "[" * 200)
    yield "huge-shape", safetensors({"w": tensor("F32", [1 << 32, 1 << 32], 0, 4)}, bytes(4))
    yield "no-integer", safetensors({"w": tensor("F32", [1.5], 0, 4)}, bytes(4))
    yield "other-field", safetensors({"w": {"type": "F32"}})
    yield "other-type", safetensors({"w": tensor("F4", [1], 0, 4)}, bytes(4))
    yield "long-entry", safetensors({"w": {**tensor("F32", [1], 0, 4), "x" * 500: 0}}, bytes(4))
    yield "beyond", safetensors({"w": tensor("F32", [1], 4, 8)}, bytes(4))


def decoder_entries(family="llama"):
    """The header of the shape that src/models.rs names."""
    tokens = ["<e>", "<s>", "<x>", "a", "b", "Ġ", "ab", "abb", "Ġa", "1", "2", "Ã", "©", "Ċ", "Ġab", "<p>"]
    kinds = [3, 3, 2] + [1] * 12 + [5]
    merges = ["a b", "ab b", "Ġ a", "Ġ ab"]
    return [
        ("general.architecture", TEXT, family),
        (f"{family}.block_count", UNSIGNED, 1),
        (f"{family}.embedding_length", UNSIGNED, 32),
        (f"{family}.feed_forward_length", UNSIGNED, 32),
        (f"{family}.attention.head_count", UNSIGNED, 2),
        (f"{family}.attention.head_count_kv", UNSIGNED, 1),
        (f"{family}.rope.dimension_count", UNSIGNED, 16),
        (f"{family}.context_length", UNSIGNED, 16),
        (f"{family}.rope.freq_base", FLOAT, 10_000.0),
        (f"{family}.attention.layer_norm_rms_epsilon", FLOAT, 1e-5),
        ("tokenizer.ggml.model", TEXT, "gpt2"),
        ("tokenizer.ggml.pre", TEXT, "smollm"),
        ("tokenizer.ggml.tokens", LIST, (TEXT, tokens)),
        ("tokenizer.ggml.token_type", LIST, (SIGNED, kinds)),
        ("tokenizer.ggml.merges", LIST, (TEXT, merges)),
        ("tokenizer.ggml.add_bos_token", BOOL, False),
    ]


def decoder_tensors(matrix, other, norm, more=()):
    layer = [
        ("attn_norm", norm, [32]),
        ("attn_q", matrix, [32, 32]),
        ("attn_k", other, [32, 16]),
        ("attn_v", matrix, [32, 16]),
        ("attn_output", other, [32, 32]),
        ("ffn_norm", norm, [32]),
        ("ffn_gate", matrix, [32, 32]),
        ("ffn_up", other, [32, 32]),
        ("ffn_down", matrix, [32, 32]),
    ]
    return [
        ("token_embd.weight", other, [32, 16]),
        ("output_norm.weight", norm, [32]),
        *((f"blk.0.{name}.weight", kind, dims) for name, kind, dims in layer),
        *more,
    ]


def llama_seeds():
    entries, plain = decoder_entries(), decoder_tensors(Q4_0, Q4_0, F32)
    head = [("output.weight", Q4_0, [32, 16])]
    biases = [(f"blk.0.attn_{part}.bias", F32, [width]) for part, width in [("q", 32), ("k", 16), ("v", 16)]]
    norms = [(f"blk.0.attn_{part}_norm.weight", F32, [16]) for part in "qk"]
    yield "valid-4-bits", gguf(entries, decoder_tensors(Q4_0, Q4_1, F32))
    yield "valid-5-bits", gguf(entries, decoder_tensors(Q5_0, Q5_1, F16))
    yield "valid-8-bits", gguf(entries, decoder_tensors(Q8_0, Q4_0, Q8_0))
    yield "valid-floats", gguf(entries, decoder_tensors(F16, F16, F32))
    yield "valid-head", gguf(entries, decoder_tensors(Q4_0, Q8_0, F32, head))
    yield "valid-biases", gguf(decoder_entries("qwen2"), decoder_tensors(Q4_0, Q8_0, F32, biases))
    yield "valid-norms", gguf(decoder_entries("qwen3"), decoder_tensors(Q4_1, Q4_0, F32, norms))
    yield "no-kernels", gguf(entries, decoder_tensors(BF16, Q4_0, F32))
    yield "scaled", gguf([*entries, ("llama.rope.scaling.type", TEXT, "linear")], plain)
    yield "no-merge", gguf([e for e in entries if "merges" not in e[0]], plain)
    yield "no-tensors", gguf(entries, [])


def bert_parts():
    """Names and shapes of the shape that src/models.rs names."""
    def dense(name, *shape):
        return [(name + ".weight", shape), (name + ".bias", shape[:1])]

    layer = "encoder.layer.0."
    return [
        ("embeddings.word_embeddings.weight", (8, 16)),
        ("embeddings.position_embeddings.weight", (8, 16)),
        ("embeddings.token_type_embeddings.weight", (2, 16)),
        *dense("embeddings.LayerNorm", 16),
        *dense(layer + "attention.self.query", 16, 16),
        *dense(layer + "attention.self.key", 16, 16),
        *dense(layer + "attention.self.value", 16, 16),
        *dense(layer + "attention.output.dense", 16, 16),
        *dense(layer + "attention.output.LayerNorm", 16),
        *dense(layer + "intermediate.dense", 16, 16),
        *dense(layer + "output.dense", 16, 16),
        *dense(layer + "output.LayerNorm", 16),
    ]


def bert(parts):
    header, data = {}, b""
    for name, shape in parts:
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        values = b"".join(struct.pack("<f", (at * 5 % 13 - 6) / 16) for at in range(count))
        header[name] = tensor("F32", list(shape), len(data), len(data) + len(values))
        data += values
    return safetensors(header, data)


def bert_seeds():
    parts = bert_parts()
    yield "valid", bert(parts)
    yield "missing", bert(parts[:-1])
    yield "other-shape", bert([*parts[:-1], ("encoder.layer.0.output.LayerNorm.bias", (8,))])


for target in (gguf_seeds, safetensors_seeds, llama_seeds, bert_seeds):
    folder = SEEDS / target.__name__.removesuffix("_seeds")
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in target():
        (folder / name).write_bytes(file)
