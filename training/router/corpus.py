"""Short texts for teaching meaning, without labels: WordNet glosses, docstrings, questions.

In: folders of WordNet 3.0's `data.*` files, installed Python packages, rows of questions;
out: lists of texts and of pairs (short text, longer text that says the same). Nothing here
is seen at run time.
"""

import importlib
import inspect
import random
import re
import warnings
from pathlib import Path

MODULES = [
    "statistics",
    "math",
    "cmath",
    "calendar",
    "datetime",
    "textwrap",
    "string",
    "random",
    "colorsys",
    "difflib",
    "shutil",
    "os.path",
    "urllib.parse",
    "email.utils",
    "html",
    "json",
    "csv",
    "zipfile",
    "tarfile",
    "gzip",
    "hashlib",
    "hmac",
    "base64",
    "ipaddress",
    "socket",
    "subprocess",
    "locale",
    "unicodedata",
    "fractions",
    "itertools",
    "functools",
    "collections",
    "heapq",
    "bisect",
    "operator",
    "pathlib",
    "tempfile",
    "fnmatch",
    "glob",
    "smtplib",
    "ftplib",
    "imaplib",
    "sqlite3",
    "wave",
    "numpy",
    "numpy.linalg",
    "numpy.fft",
    "numpy.random",
    "scipy.stats",
    "scipy.optimize",
    "scipy.signal",
    "scipy.special",
    "scipy.linalg",
    "scipy.ndimage",
    "scipy.spatial",
    "scipy.integrate",
    "scipy.interpolate",
    "scipy.cluster.hierarchy",
    "scipy.constants",
    "sympy",
    "sympy.ntheory",
    "sympy.geometry",
    "sympy.stats",
    "sympy.physics.units",
    "sympy.combinatorics",
    "networkx",
    "sklearn.metrics",
    "sklearn.preprocessing",
    "matplotlib.pyplot",
    "matplotlib.axes",
    "torch",
    "torch.nn.functional",
    "torch.linalg",
    "babel.dates",
    "babel.numbers",
    "babel.lists",
    "PIL.Image",
    "PIL.ImageOps",
    "PIL.ImageDraw",
    "dateutil.parser",
    "dateutil.rrule",
    "astral.sun",
    "astral.moon",
    "holidays",
    "pint",
    "httpx",
    "sqlalchemy",
    "duckdb",
]


def words_of(name: str) -> str:
    """`convertTimezone` and `convert_timezone` both read `convert timezone`."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[_\-.\s]+", " ", name).strip().lower()


def wordnet_pairs(folder: Path, limit: int, rng: random.Random) -> list[tuple[str, str]]:
    """(lemma or usage example, gloss) for synsets whose words are common or verbs first."""
    common: dict[str, int] = {}
    for line in (folder / "cntlist.rev").read_text("latin-1").splitlines():
        sense, _, count = line.split()
        lemma = sense.split("%")[0]
        common[lemma] = common.get(lemma, 0) + int(count)
    rows: list[tuple[float, str, str]] = []
    for part in ("verb", "noun", "adj", "adv"):
        for line in (folder / f"data.{part}").read_text("latin-1").splitlines():
            if line.startswith("  "):
                continue
            head, _, gloss = line.partition(" | ")
            fields = head.split()
            count = int(fields[3], 16)
            lemmas = [fields[4 + 2 * i].split("(")[0] for i in range(count)]
            weight = max(common.get(lemma.lower(), 0) for lemma in lemmas)
            definition, *examples = (piece.strip(' "') for piece in gloss.split('; "'))
            if len(definition) < 8 or weight == 0 and part != "verb" and rng.random() > 0.35:
                continue
            left = ", ".join(lemma.replace("_", " ") for lemma in lemmas[:3])
            rows.append((rng.random() - min(weight, 3), left, definition))
            rows.extend((rng.random() - 1, example, definition) for example in examples[:1])
    rows.sort()
    return [(left, right) for _, left, right in rows[:limit]]


def docstring_pairs() -> list[tuple[str, str]]:
    """(function name as words, first paragraph of its docstring) from installed packages."""
    pairs: dict[str, str] = {}
    for module_name in MODULES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                module = importlib.import_module(module_name)
            except ImportError:
                continue
            members = [(name, getattr(module, name, None)) for name in dir(module)]
        for name, member in members:
            if name.startswith("_") or not callable(member):
                continue
            text = re.sub(r"\s+", " ", (inspect.getdoc(member) or "").split("\n\n")[0]).strip()
            if 15 < len(text) < 300 and not text.startswith(("str(", "int(", name + "(")):
                pairs.setdefault(text, words_of(name))
    return [(name, text) for text, name in pairs.items()]
