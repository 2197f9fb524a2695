"""The plot of docs/jamba_core.md: the depth-width rule, with the public Jambas and others in it.

`python -m benchmarks.depth_width` writes docs/depth_width.svg, always the same file. Shapes of other
models are those of their papers; the rule's constants are in mrkl/jamba_core/depth_width.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import mrkl.jamba_core
from mrkl.jamba_core import JambaConfig
from mrkl.jamba_core.depth_width import TOO_DEEP, TOO_SHALLOW, depth_for
from mrkl.jamba_core.shapes import shape

OUT = Path(__file__).resolve().parents[1] / "docs" / "depth_width.svg"
JAMBAS = {"Jamba 3B": "3b", "Jamba Mini": "mini", "Jamba Large": "large"}
OTHERS = {"GPT-3 Small": (12, 768), "SmolLM2-135M": (30, 576), "GPT-3": (96, 12288)}
ABOVE = {"mrkl's core": (-30, 7)}


def points() -> dict[str, tuple[int, int]]:
    """Depth and width of every model shown."""
    found = {name: shape(key) for name, key in JAMBAS.items()}
    found["mrkl's core"] = JambaConfig.from_file(Path(mrkl.jamba_core.__path__[0]) / "data")
    ours = {name: (c.num_hidden_layers, c.hidden_size) for name, c in found.items()}
    return ours | OTHERS


def draw(out: Path = OUT) -> None:
    """Write the plot."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "mrkl", "svg.fonttype": "none"}
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2))
    plot: Any = axes
    widths = np.geomspace(256, 16384, 200)
    rule = np.array([depth_for(width) for width in widths])
    plot.fill_between(widths, TOO_SHALLOW * rule, TOO_DEEP * rule, color="#dbe7f3")
    plot.plot(widths, rule, color="#1f5f99")
    plot.annotate("too deep", (700, 62), color="#777777")
    plot.annotate("too shallow", (4600, 12), color="#777777")
    for name, (depth, width) in points().items():
        plot.plot(width, depth, "o", color="#c0392b" if name not in OTHERS else "#555555")
        place = {"xytext": ABOVE.get(name, (6, -10)), "textcoords": "offset points"}
        plot.annotate(name, (width, depth), fontsize=8, **place)
    ticks = [256, 512, 1024, 2048, 4096, 8192, 16384]
    plot.set_xscale("log", base=2)
    plot.set_xticks(ticks, map(str, ticks))
    plot.set_xlabel("width (hidden size)")
    plot.set_ylabel("layers")
    plot.set_ylim(0, 110)
    plot.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None, "Creator": None})
    plt.close(figure)


if __name__ == "__main__":
    draw()
    print(OUT)
