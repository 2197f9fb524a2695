"""Where a checkpoint lies: a folder as it is, a name like `owner/model` fetched from the hub.

In: what a user wrote. Out: a folder on this machine. huggingface_hub does the fetching (with
progress, and going on where it was cut off) into its own cache; weights come as safetensors only.
It reads nothing of what it fetches.
"""

from pathlib import Path

from mrkl.jamba_core.weights import CheckpointError

WANTED = ("*.json", "*.safetensors", "*.jinja")


class HubError(CheckpointError):
    """A checkpoint that is not here; offline: it may be there another time."""

    def __init__(self, message: str, offline: bool = False) -> None:
        super().__init__(message)
        self.offline = offline


def checkpoint_folder(model: str | Path) -> Path:
    """The folder of a checkpoint; raises HubError."""
    folder = Path(model)
    if folder.is_dir():
        return folder
    if folder.is_absolute() or str(model).startswith(".") or str(model).count("/") != 1:
        raise HubError(f"there is no folder {model}")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise HubError(
            f"there is no folder {model}; to fetch it from the hub: pip install 'mrkl[hub]'"
        ) from None
    try:
        return Path(snapshot_download(str(model), allow_patterns=list(WANTED)))
    except Exception as error:  # noqa: BLE001 - the hub's client raises many kinds
        reason = " ".join(str(error).split())[:300]
        raise HubError(f"{model} cannot be fetched from the hub: {reason}", True) from None
