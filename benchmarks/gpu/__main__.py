"""Kernels, decoding and prefill on one GPU: a table on the screen, JSON in --out.

`--quick` takes at most 45 seconds and a few layers; the full run needs 60 GB and two minutes.
Weights are random, of the Mini model's shape: routing is near uniform, the worst case.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PARTS = ("kernels", "decode", "prefill", "long", "prefix", "together", "small")
DEFAULT = ("kernels", "decode", "prefill")


def main() -> int:
    options = _options()
    from mrkl.jamba_core.gpu import why_not

    if reason := why_not():
        print(f"cannot run: {reason}")
        return 2
    import torch
    import triton

    from benchmarks.gpu.timing import copy_bandwidth, matrix_rate
    from mrkl.jamba_core.gpu import early

    began = time.perf_counter()
    free, _ = torch.cuda.mem_get_info()
    results: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": torch.cuda.get_device_name(),
        "versions": {"torch": torch.__version__, "triton": triton.__version__},
        "free_bytes_before": free,
        "copy_bytes_per_second": round(copy_bandwidth() if options.parts != "small" else 1),
        "bfloat16_operations_per_second": round(matrix_rate() if options.parts != "small" else 1),
        "layers": options.layers,
        "early": early.EARLY,
    }
    print(
        f"{results['device']}: copy {results['copy_bytes_per_second'] / 1e12:.2f} TB/s, "
        f"bfloat16 {results['bfloat16_operations_per_second'] / 1e12:.0f} TFLOP/s, "
        f"{free / 1e9:.0f} GB free"
    )
    run = _Run(options, results, began)
    for part in options.parts.split(","):
        try:
            getattr(run, part)()
        except Exception as error:  # noqa: BLE001 - the other parts' figures are worth having
            traceback.print_exc()
            results.setdefault("failed", {})[part] = f"{type(error).__name__}: {error}"[:2000]
        run.write()
    results["seconds"] = round(time.perf_counter() - began, 1)
    run.write()
    wrong = results.get("failed", {}), [k["name"] for k in results.get("kernels", ()) if k["wrong"]]
    print(
        f"{results['seconds']} s; failed: {wrong[0] or 'nothing'}; wrong: {wrong[1] or 'nothing'}"
    )
    return int(any(wrong))


class _Run:
    def __init__(self, options: argparse.Namespace, results: dict[str, Any], began: float) -> None:
        self.options, self.results, self.began = options, results, began
        self.weights: Any = None

    def late(self, what: str) -> bool:
        """Whether the time is up; what is left out is said."""
        if time.perf_counter() - self.began < self.options.seconds:
            return False
        print(f"left out, time is up: {what}")
        self.results.setdefault("left_out", []).append(what)
        return True

    def write(self) -> None:
        if self.options.out:
            Path(self.options.out).write_text(json.dumps(self.results, indent=1) + "\n", "utf-8")

    def kernels(self) -> None:
        import torch

        from benchmarks.gpu.cases import MINI, cases
        from benchmarks.gpu.timing import graph_time

        size = replace(MINI, keys=self.options.context)
        rows = self.results.setdefault("kernels", [])
        print(f"{'kernel':<24}{'error':>10}{'us':>10}{'GB/s':>8}{'share':>7}{'s':>6}")
        for batch in self.options.batch:
            for case in cases(size, "cuda", torch.bfloat16, (batch,)):
                begin = time.perf_counter()
                if case.name.split()[-1] != str(batch) and batch != self.options.batch[-1]:
                    continue  # prefill's kernels once are enough
                if self.late(case.name):
                    return
                error = case.error() if self.options.check else 0.0
                us = graph_time(case.run, case.sets) * 1e3
                rate = case.bytes / us * 1e6
                share = rate / self.results["copy_bytes_per_second"]
                wrong = not error <= case.limit
                rows.append(
                    {
                        "name": case.name, "error": error, "limit": case.limit, "wrong": wrong,
                        "us": round(us, 2), "bytes": case.bytes, "share": round(share, 3),
                    }
                )  # fmt: skip
                mark = " WRONG" if wrong else ""
                took = time.perf_counter() - begin
                print(
                    f"{case.name:<24}{error:>10.1e}{us:>10.1f}{rate / 1e9:>8.0f}{share:>7.0%}"
                    f"{took:>6.1f}{mark}",
                    flush=True,
                )

    def decode(self) -> None:
        from benchmarks.gpu.engine import decoding

        rows = self.results.setdefault("decode", [])
        for batch in self.options.batch:
            if self.late(f"decode batch {batch}"):
                return
            bandwidth = self.results["copy_bytes_per_second"]
            row = decoding(self._weights(), batch, self.options.context, bandwidth)
            rows.append(row)
            print(
                f"decode batch {batch}, {self.options.context} context, {self.options.layers} "
                f"layers: {row['ms']} ms, {row['tokens_per_second']} tok/s of "
                f"{row['limit_tokens_per_second']} ({row['share_of_limit']:.0%}); graph = eager: "
                f"{row['graph_writes_what_eager_writes']}; finite: {row['finite']}; "
                f"ready in {row['seconds_to_compile_and_capture']} s",
                flush=True,
            )
            for name, share in row["kernels"].items():
                print(f"  {share:6.1%} {name}")
        self._memory()

    def prefill(self) -> None:
        from benchmarks.gpu.engine import reading

        rows = self.results.setdefault("prefill", [])
        for tokens, ways in itertools.product(self.options.prompt, self.options.ways):
            if self.late(f"prefill of {tokens} {ways}"):
                return
            rate = self.results["bfloat16_operations_per_second"]
            row = reading(self._weights(), tokens, rate, ways)
            rows.append(row)
            print(
                f"prefill {tokens} by {ways}: {row['seconds']} s, {row['tokens_per_second']} tok/s "
                f"of {row['limit_tokens_per_second']} ({row['share_of_limit']:.0%})",
                flush=True,
            )
            for name, share in row["kernels"].items():
                print(f"  {share:6.1%} {name}")
        self._memory()

    def long(self) -> None:
        from benchmarks.gpu.texts import long_text

        tokens = self.options.long
        if self.late(f"a prompt of {tokens}"):
            return
        row = self.results["long"] = long_text(self._weights(), self.options.mode, tokens)
        print(f"long: {row}", flush=True)

    def small(self) -> None:
        from benchmarks.gpu.small import everything

        row = self.results["small"] = everything()
        print(f"small: {row}", flush=True)
        if row["wrong"]:
            raise ValueError(", ".join(row["wrong"]))

    def prefix(self) -> None:
        from benchmarks.gpu.texts import after_prefix

        rows = self.results.setdefault("prefix", [])
        for tokens in (2048, 8192):
            if self.late(f"a prefix of {tokens}"):
                return
            rows.append(after_prefix(self._weights(), tokens))
            print(f"prefix: {rows[-1]}", flush=True)

    def together(self) -> None:
        from benchmarks.gpu.texts import together

        if self.late("texts together"):
            return
        row = self.results["together"] = together(self._weights(), 8)
        print(f"together: {row}", flush=True)

    def tune(self) -> None:
        from benchmarks.gpu.tune import best

        limits = [self.results[f"{n}_per_second"] for n in ("copy_bytes", "bfloat16_operations")]
        self.results["tune"] = best(*limits, self.late, self.options.only)

    def _weights(self) -> Any:
        if self.weights is None:
            import torch

            from mrkl.jamba_core.gpu import weights
            from mrkl.jamba_core.shapes import shape

            begin = time.perf_counter()
            config = replace(shape("mini"), num_hidden_layers=self.options.layers)
            self.weights = weights.random(config, self.options.mode)
            torch.cuda.synchronize()
            print(f"weights made in {time.perf_counter() - begin:.1f} s")
        return self.weights

    def _memory(self) -> None:
        import torch

        self.results["peak_bytes"] = torch.cuda.max_memory_allocated()
        print(f"peak {self.results['peak_bytes'] / 2**30:.1f} GiB")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", help="the JSON file to write")
    parser.add_argument("--quick", action="store_true", help="8 layers, at most 45 seconds")
    parser.add_argument("--layers", type=int, help="of the Mini model (32)")
    parser.add_argument("--seconds", type=float, help="begin nothing after so many")
    parser.add_argument(
        "--parts", default=",".join(DEFAULT), help=f"which of {','.join(PARTS)},tune"
    )
    parser.add_argument("--batch", type=_numbers, default=[1, 8, 64])
    parser.add_argument("--prompt", type=_numbers, default=[4096])
    parser.add_argument(
        "--ways", type=lambda text: text.split(","), default=["copies"],
        help="of experts and MLPs in prefill: copies,blocks",
    )  # fmt: skip
    parser.add_argument("--only", default="", help="of tune: names that hold this")
    parser.add_argument("--long", type=int, default=262144, help="tokens of the long prompt")
    parser.add_argument("--context", type=int, default=4096)
    parser.add_argument("--mode", default="jamba_int8")
    parser.add_argument("--no-check", dest="check", action="store_false")
    options = parser.parse_args()
    options.layers = options.layers or (8 if options.quick else 32)
    options.seconds = options.seconds or (34 if options.quick else 600)
    if unknown := set(options.parts.split(",")) - {*PARTS, "tune"}:
        parser.error(f"unknown part {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
