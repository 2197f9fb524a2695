"""What the experts that ask the network share: one JSON document from a service, or why not.

In: an address, parameters and the call's context. Out: the parsed object, None where the service
knows no such thing. Failures become ExpertErrors that say whether the network is at fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mrkl.experts.base import Context, ExpertError
from mrkl.tools import http

LONGEST = 8.0  # seconds for one request


def fetch(
    url: str,
    params: Mapping[str, str],
    context: Context,
    what: str,
    allow_loopback: bool = False,
) -> dict[str, Any] | None:
    """A JSON object from a service, or None for status 404; raises ExpertError.

    `what` names the service in messages: "the weather service".
    """
    timeout = min(LONGEST, context.remaining())
    try:
        data = http.get(url, params, timeout=timeout, allow_loopback=allow_loopback).json()
    except http.HttpError as error:
        if error.status == 404:
            return None
        if error.kind == "offline":
            raise ExpertError("offline", f"{what} needs the network: {error.message}") from None
        if error.kind == "busy" or error.status == 429 or (error.status or 0) >= 500:
            raise ExpertError("offline", f"{what} is busy or broken: {error.message}") from None
        if error.kind == "timeout":
            raise ExpertError("timeout", f"{what}: {error.message}") from None
        raise ExpertError("no_answer", f"{what} gave no answer: {error.message}") from None
    if not isinstance(data, dict):
        raise ExpertError("no_answer", f"{what} gave no usable answer")
    return cast("dict[str, Any]", data)
