"""How fast others embed the inputs that the example `bench-embedding` wrote, and how near their vectors are
to those beside them: ONNX Runtime, and PyTorch with transformers where these are installed. Prints a line of
JSON for each way.

ONNX Runtime's graph is built here of the weights in the safetensors file, of the fused operators that ONNX Runtime has
for BERT (attention, norms with residuals, GELU with bias): what its own optimiser makes of a BERT.

Usage: bench-embedding.py MODEL.safetensors INPUTS.json THREADS
"""

import json
import statistics
import sys
import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

RUNS = 15
HEADS = 12
EPSILON = 1e-12
FUSED = "com.microsoft"


class Graph:
    """Nodes and weights of a BERT."""

    def __init__(self, weights):
        self.weights, self.nodes, self.initializers = weights, [], {}

    def weight(self, name, value=None):
        value = self.weights[name] if value is None else value
        self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, operator, inputs, domain=FUSED, outputs=1, **attributes):
        names = [f"{operator}.{len(self.nodes)}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def matmul(self, x, name):
        transposed = self.weight(f"{name}.weight.T", self.weights[f"{name}.weight"].T)
        return self.node("MatMul", [x, transposed], domain="")

    def norm(self, name):
        return [self.weight(f"{name}.LayerNorm.{part}") for part in ("weight", "bias")]

    def add_and_norm(self, x, skip, dense, norm):
        """x W + b + skip, normalised."""
        inputs = [self.matmul(x, dense), skip, *self.norm(norm), self.weight(f"{dense}.bias")]
        return self.node("SkipLayerNormalization", inputs, epsilon=EPSILON)

    def layer(self, x, mask, at):
        attention = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        joined = np.concatenate([self.weights[f"{part}.weight"].T for part in attention], axis=1)
        biases = np.concatenate([self.weights[f"{part}.bias"] for part in attention])
        inputs = [x, self.weight(f"{at}.qkv", joined), self.weight(f"{at}.qkv.bias", biases), mask]
        mixed = self.node("Attention", inputs, num_heads=HEADS)
        x = self.add_and_norm(mixed, x, f"{at}.attention.output.dense", f"{at}.attention.output")
        up = f"{at}.intermediate.dense"
        inner = self.node("BiasGelu", [self.matmul(x, up), self.weight(f"{up}.bias")])
        return self.add_and_norm(inner, x, f"{at}.output.dense", f"{at}.output")

    def embeddings(self):
        tables = [f"embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type")]
        inputs = ["ids", "segments", *map(self.weight, tables), *self.norm("embeddings"), "mask"]
        return self.node("EmbedLayerNormalization", inputs, outputs=2, epsilon=EPSILON)


def bert(weights):
    """The ONNX model, from ids, segments and mask to states."""
    graph = Graph(weights)
    x, mask = graph.embeddings()
    layers = {int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer.")}
    for layer in sorted(layers):
        x = graph.layer(x, mask, f"encoder.layer.{layer}")
    ints = [helper.make_tensor_value_info(n, TensorProto.INT32, ["b", "s"]) for n in ("ids", "segments", "mask")]
    out = helper.make_tensor_value_info(x, TensorProto.FLOAT, ["b", "s", "h"])
    made = helper.make_graph(graph.nodes, "bert", ints, [out], list(graph.initializers.values()))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=9)


def pad(inputs):
    """Ids and mask of inputs, padded to one length."""
    length = max(map(len, inputs))
    ids = np.zeros((len(inputs), length), np.int32)
    mask = np.zeros_like(ids)
    for row, words in enumerate(inputs):
        ids[row, : len(words)], mask[row, : len(words)] = words, 1
    return ids, mask


def pool(states, mask):
    """The mean over the positions, of length 1."""
    weights = mask[:, :, None].astype(np.float32)
    means = (states * weights).sum(1) / weights.sum(1)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def onnx_runtime(weights, threads):
    """A function from inputs to vectors."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    model = bert(weights).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def embed(inputs):
        ids, mask = pad(inputs)
        feed = {"ids": ids, "segments": np.zeros_like(ids), "mask": mask}
        return pool(session.run(None, feed)[0], mask)

    return embed


def pytorch(weights, threads):
    """The same by sentence-transformers' own parts; `None` where they are not installed."""
    try:
        import torch
        from transformers import BertConfig, BertModel
    except ImportError:
        return None
    torch.set_num_threads(threads)
    sizes = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": HEADS}
    config = BertConfig(intermediate_size=1536, layer_norm_eps=EPSILON, **sizes)
    model = BertModel(config, add_pooling_layer=False).eval()
    tensors = {name: torch.from_numpy(value.copy()) for name, value in weights.items()}
    missing = model.load_state_dict(tensors, strict=False).missing_keys
    assert not missing, missing

    def embed(inputs):
        ids, mask = pad(inputs)
        with torch.inference_mode():
            ids, attended = torch.from_numpy(ids).long(), torch.from_numpy(mask)
            states = model(input_ids=ids, attention_mask=attended).last_hidden_state
        return pool(states.numpy(), mask)

    return embed


def report(name, way, inputs, work):
    work()
    seconds = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    rate = sum(map(len, inputs)) / statistics.median(seconds)
    print(json.dumps({"name": name, "way": way, "tokens a second": round(rate)}), flush=True)


def compare(name, embed, written):
    inputs, long = written["inputs"], written["long"]
    report(name, "one by one", inputs, lambda: [embed([words]) for words in inputs])
    report(name, "in one batch", inputs, lambda: embed(inputs))
    report(name, "256 tokens", long, lambda: embed(long))
    theirs = np.concatenate([embed([words]) for words in inputs + long]).astype(np.float64)
    ours = np.array(written["vectors"], np.float64)
    cosines = (theirs * ours).sum(1) / np.linalg.norm(theirs, axis=1) / np.linalg.norm(ours, axis=1)
    print(json.dumps({"name": f"cosine with {name}", "least": round(float(cosines.min()), 9)}), flush=True)


def main():
    weights, written, threads = load_file(sys.argv[1]), json.load(open(sys.argv[2])), int(sys.argv[3])
    for make in (onnx_runtime, pytorch):
        embed = make(weights, threads)
        if embed:
            compare(make.__name__, embed, written)


main()
