"""A real server on 127.0.0.1 that speaks the chat-completions protocol, with replies in order."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class Served:
    """Replies in order; keeps the requests."""

    def __init__(self, *replies: str | Response) -> None:
        self.replies = list(replies)
        self.requests: list[dict] = []
        self.keys: list[str | None] = []

    async def models(self, request: Request) -> Response:
        return JSONResponse({"data": [{"id": "a-model"}]})

    async def chat(self, request: Request) -> Response:
        self.requests.append(json.loads(await request.body()))
        self.keys.append(request.headers.get("authorization"))
        reply = self.replies.pop(0)
        if isinstance(reply, Response):
            return reply
        message = {"role": "assistant", "content": reply}
        return JSONResponse({"choices": [{"message": message}], "usage": {"completion_tokens": 9}})


@contextmanager
def serve(served: Served) -> Iterator[str]:
    app = Starlette(
        routes=[
            Route("/v1/models", served.models),
            Route("/v1/chat/completions", served.chat, methods=["POST"]),
        ]
    )
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.should_exit = True
            thread.join(5)
