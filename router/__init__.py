"""The learned router: which of the registered experts, if any, answers a text.

`Router.load().route(text, experts)` gives a `Routing`: calibrated probabilities over the experts
on offer and *none of them*. It never met most experts in training and holds no parameter of any
of them: registering an expert means encoding its card. Runs in numpy; torch is not imported.
"""

from mrkl.router.fitting import calibrate, fit
from mrkl.router.routing import NONE, Router, Routing
from mrkl.router.tuning import Tuning, TuningError, undo
from mrkl.router.why import Why, why

__all__ = [
    "NONE",
    "Router",
    "Routing",
    "Tuning",
    "TuningError",
    "Why",
    "calibrate",
    "fit",
    "undo",
    "why",
]
