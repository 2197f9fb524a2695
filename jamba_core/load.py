"""Checkpoint files: safetensors with public names in, the same out.

In: a folder with `config.json` and `model.safetensors` (or shards with an index). Out: a mapping
from names to tensors that reads each from disk only when asked, with experts one by one even
where the file packs them. Pickled weights are refused. It does not build layers.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.weights import CheckpointError

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
MOST_EXPERTS = 1 << 12  # in one tensor: each of them gets a name
SHARD_BYTES = 5_000_000_000
LONGEST = 60  # characters of a file's name; systems allow 255 bytes
PAGES_KEPT = 2_000_000  # bytes of files that may stay in memory while they are read, or 0.5 %


class CheckpointFiles(Mapping[str, Tensor]):
    """The tensors of a folder by public name, read lazily."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._open: dict[str, Any] = {}
        self._read = 0  # bytes since the files were opened
        self._where: dict[str, str] = {}  # name on disk -> file
        for file, names in self._listing().items():
            self._where |= dict.fromkeys(names, file)
        self._pages = max(PAGES_KEPT, self.bytes // 200)
        # Packed experts appear as their parts: name -> (name on disk, expert, first row, last row)
        self._parts: dict[str, tuple[str, int, int, int]] = {}
        for name in list(self._where):
            if name.endswith((".experts.gate_up_proj", ".experts.down_proj")):
                self._unpack(name)

    def __getitem__(self, name: str) -> Tensor:
        """One tensor, in the file's own pages: who keeps it for long makes a copy."""
        packed, expert, start, stop = self._parts.get(name, (name, 0, 0, 0))
        file = self._where[packed]
        piece = self._slice(packed)
        with _one_line(self.folder / file):
            tensor: Tensor = piece[expert][start:stop] if name in self._parts else piece[...]
        self._read += tensor.nbytes
        if self._read > self._pages:
            # The pages that were read stay in memory until the file is closed.
            self._open.clear()
            self._read = 0
        return tensor

    def shape(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Type (as safetensors names it) and shape of a tensor, from the file's header."""
        packed, _, start, stop = self._parts.get(name, (name, 0, 0, 0))
        piece = self._slice(packed)
        shape = tuple(piece.get_shape())
        return piece.get_dtype(), (stop - start, *shape[2:]) if name in self._parts else shape

    @property
    def files(self) -> list[Path]:
        """The files that hold the tensors."""
        return [self.folder / name for name in sorted(set(self._where.values()))]

    @property
    def bytes(self) -> int:
        """Size of the files; those that are missing are found when they are read."""
        return sum(path.stat().st_size for path in self.files if path.exists())

    @property
    def packed(self) -> bool:
        """Whether a layer's experts lie in one tensor."""
        return bool(self._parts)

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
        if not os.path.lexists(index):
            if os.path.lexists(self.folder / SINGLE):
                return {SINGLE: list(self._file(SINGLE).keys())}
            pickles = sorted(p.name for p in self.folder.iterdir() if p.suffix in PICKLES)
            if pickles:
                raise CheckpointError(
                    f"{self.folder}: only pickled weights ({pickles[0]}), which could run code "
                    "when read; convert them to safetensors"
                )
            raise CheckpointError(f"{self.folder}: no {SINGLE} and no {INDEX}")
        try:
            entries = json.loads(_regular(index).read_text("utf-8"))["weight_map"]
            files = dict[str, str](entries)
        except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
            raise CheckpointError(f"{index}: not a safetensors index ({error})") from error
        listing: dict[str, list[str]] = {}
        for name, file in files.items():
            if not isinstance(file, str) or Path(file).name != file or not 0 < len(file) <= LONGEST:
                raise CheckpointError(f"{index}: {str(file)[:99]!r} lies outside of the folder")
            listing.setdefault(file, []).append(name)
        return listing

    def _file(self, name: str) -> Any:
        if name not in self._open:
            from safetensors import safe_open

            with _one_line(self.folder / name):
                self._open[name] = safe_open(_regular(self.folder / name), framework="pt")
        return self._open[name]

    def _slice(self, name: str) -> Any:
        file = self._where[name]
        with _one_line(self.folder / file, name):
            return self._file(file).get_slice(name)

    def _unpack(self, packed: str) -> None:
        stem, _, kind = packed.rpartition(".")
        names = ("gate_proj", "up_proj") if kind == "gate_up_proj" else ("down_proj",)
        _, shape = self.shape(packed)
        fits = len(shape) == 3 and 0 not in shape and shape[0] <= MOST_EXPERTS
        if not fits or shape[1] % len(names):
            raise CheckpointError(
                f"{self.folder}: tensor {packed} has shape {list(shape)}, three sizes are expected: "
                f"1 to {MOST_EXPERTS} experts, rows in multiples of {len(names)}, columns"
            )
        experts, rows, _ = shape
        each = rows // len(names)
        for expert in range(experts):
            for k, name in enumerate(names):
                part = f"{stem}.{expert}.{name}.weight"
                if part in self._where:
                    raise CheckpointError(f"{self.folder}: tensor {part} is there twice")
                self._parts[part] = (packed, expert, k * each, (k + 1) * each)


def _regular(path: Path) -> Path:
    """The path, if it leads to a file that ends; OSError for folders, pipes and devices."""
    if not path.is_file():
        raise OSError("no file" if not os.path.lexists(path) else "not a regular file")
    return path


@contextmanager
def _one_line(path: Path, tensor: str = "") -> Iterator[None]:
    """What goes wrong in a file as one CheckpointError."""
    from safetensors import SafetensorError

    try:
        yield
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        reason = " ".join(str(error).split())
        what = f"tensor {tensor} cannot be read from it" if tensor else "cannot be read"
        raise CheckpointError(f"{path}: {what} ({reason})") from error


def save_checkpoint(
    folder: str | Path,
    config: JambaConfig,
    tensors: Iterable[tuple[str, Tensor]],
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write `config.json` and the tensors; several files and an index above `shard_bytes`.

    All files are written beside their places and moved in at the end, so a model may save over
    its own source, and no more than one file's tensors are held at a time.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[list[str]] = []
    for shard in _shards(tensors, shard_bytes):
        _write_shard(folder / f"model-{len(written) + 1}.part", shard)
        written.append(list(shard))
    count = len(written)
    files = [f"model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
    files = files if count > 1 else [SINGLE]
    for number, file in enumerate(files, 1):
        os.replace(folder / f"model-{number}.part", folder / file)
    _write_text(folder / "config.json", json.dumps(config.as_dict(), indent=2) + "\n")
    if count > 1:
        where = {name: file for file, names in zip(files, written, strict=True) for name in names}
        _write_text(folder / INDEX, json.dumps({"metadata": {}, "weight_map": where}, indent=2))
    else:
        (folder / INDEX).unlink(missing_ok=True)


def _shards(tensors: Iterable[tuple[str, Tensor]], shard_bytes: int) -> Iterator[dict[str, Tensor]]:
    """The tensors in portions; only one is held at a time."""
    shard: dict[str, Tensor] = {}
    size = 0
    for name, tensor in tensors:
        tensor = tensor.detach().cpu().contiguous()
        if shard and size + tensor.nbytes > shard_bytes:
            yield shard
            shard, size = {}, 0
        shard[name] = tensor
        size += tensor.nbytes
    yield shard


def _write_shard(path: Path, shard: dict[str, Tensor]) -> None:
    from safetensors.torch import save_file

    # A slice of a joined matrix shares memory with its neighbours, which safetensors refuses.
    owned = {
        n: t.clone() if t.untyped_storage().nbytes() > t.nbytes else t for n, t in shard.items()
    }
    save_file(owned, path, metadata={"format": "pt"})


def _write_text(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, "utf-8")
    os.replace(beside, path)
