"""Checkpoint files: safetensors with public names in, the same out.

In: a folder with `config.json` and `model.safetensors` (or shards with an index). Out: a mapping
from names to tensors that reads each from disk only when asked, with experts one by one even
where the file packs them. Pickled weights are refused. It does not build layers.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.weights import CheckpointError

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
SHARD_BYTES = 5_000_000_000


class CheckpointFiles(Mapping[str, Tensor]):
    """The tensors of a folder by public name, read lazily."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._open: dict[str, Any] = {}
        self._where: dict[str, str] = {}  # name on disk -> file
        for file, names in self._listing().items():
            self._where |= dict.fromkeys(names, file)
        # Packed experts appear as their parts: name -> (name on disk, expert, first row, last row)
        self._parts: dict[str, tuple[str, int, int, int]] = {}
        for name in list(self._where):
            if name.endswith((".experts.gate_up_proj", ".experts.down_proj")):
                self._unpack(name)

    def __getitem__(self, name: str) -> Tensor:
        if name in self._parts:
            packed, expert, start, stop = self._parts[name]
            return self._file(self._where[packed]).get_slice(packed)[expert][start:stop]
        return self._file(self._where[name]).get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        packed = {part[0] for part in self._parts.values()}
        yield from (name for name in self._where if name not in packed)
        yield from self._parts

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._where or name in self._parts

    def _listing(self) -> dict[str, list[str]]:
        """File -> the names in it; raises CheckpointError where there is nothing to read."""
        if not self.folder.is_dir():
            raise CheckpointError(f"{self.folder}: no such folder")
        index = self.folder / INDEX
        if not index.exists():
            if (self.folder / SINGLE).exists():
                return {SINGLE: list(self._file(SINGLE).keys())}
            pickles = sorted(p.name for p in self.folder.iterdir() if p.suffix in PICKLES)
            if pickles:
                raise CheckpointError(
                    f"{self.folder}: only pickled weights ({pickles[0]}), which could run code "
                    "when read; convert them to safetensors"
                )
            raise CheckpointError(f"{self.folder}: no {SINGLE} and no {INDEX}")
        try:
            entries: dict[str, str] = json.loads(index.read_text("utf-8"))["weight_map"]
        except (ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{index}: not a safetensors index ({error})") from error
        listing: dict[str, list[str]] = {}
        for name, file in entries.items():
            if Path(file).name != file:
                raise CheckpointError(f"{index}: {file!r} lies outside of the folder")
            listing.setdefault(file, []).append(name)
        return listing

    def _file(self, name: str) -> Any:
        if name not in self._open:
            from safetensors import SafetensorError, safe_open

            try:
                self._open[name] = safe_open(self.folder / name, framework="pt")
            except (SafetensorError, OSError) as error:
                raise CheckpointError(f"{self.folder / name}: cannot be read ({error})") from error
        return self._open[name]

    def _unpack(self, packed: str) -> None:
        experts, rows, _ = self._file(self._where[packed]).get_slice(packed).get_shape()
        stem, _, kind = packed.rpartition(".")
        names = ("gate_proj", "up_proj") if kind == "gate_up_proj" else ("down_proj",)
        each = rows // len(names)
        for expert in range(experts):
            for k, name in enumerate(names):
                part = (packed, expert, k * each, (k + 1) * each)
                self._parts[f"{stem}.{expert}.{name}.weight"] = part


def save_checkpoint(
    folder: str | Path,
    config: JambaConfig,
    tensors: Iterable[tuple[str, Tensor]],
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write `config.json` and the tensors; several files and an index above `shard_bytes`.

    Each file is written beside its place and moved in, so a model may save over its own source.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors:
        tensor = tensor.detach().cpu().contiguous()
        bytes_ = tensor.numel() * tensor.element_size()
        if shards[-1] and size + bytes_ > shard_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += bytes_
    files = [SINGLE]
    if len(shards) > 1:
        count = len(shards)
        files = [f"model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
    for file, shard in zip(files, shards, strict=True):
        _write_shard(folder / file, shard)
    _write_text(folder / "config.json", json.dumps(config.as_dict(), indent=2) + "\n")
    if len(shards) > 1:
        where = {name: file for file, shard in zip(files, shards, strict=True) for name in shard}
        _write_text(folder / INDEX, json.dumps({"metadata": {}, "weight_map": where}, indent=2))
    else:
        (folder / INDEX).unlink(missing_ok=True)


def _write_shard(path: Path, shard: dict[str, Tensor]) -> None:
    from safetensors.torch import save_file

    # A slice of a joined matrix shares memory with its neighbours, which safetensors refuses.
    owned = {
        n: t.clone() if t.untyped_storage().nbytes() > t.nbytes else t for n, t in shard.items()
    }
    beside = path.with_name(path.name + ".part")
    save_file(owned, beside, metadata={"format": "pt"})
    os.replace(beside, path)


def _write_text(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, "utf-8")
    os.replace(beside, path)
