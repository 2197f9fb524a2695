"""A chat checkpoint on the engine as the agent's language module."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mrkl.chat_jamba import ChatJamba
from mrkl.jamba_core import Jamba
from mrkl.parts import load_language
from tests.gpu.conftest import DEVICE
from tests.gpu.test_engine import SMALL
from tests.jamba_core.conftest import random_weights, tiny_config
from tests.jamba_core.test_chat import TOKENIZER

END = TOKENIZER.id_of("<|eom|>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("chat")
    config = tiny_config(vocab_size=272, eos_token_id=[257, END], **SMALL)
    Jamba.from_tensors(config, random_weights(config)).save_pretrained(place)
    (place / "tokenizer.json").write_text(TOKENIZER.source)
    return place


def test_it_writes_what_the_cpu_writes(folder: Path) -> None:
    from mrkl.budget import Budget, Meter

    rule = TOKENIZER
    found: list[list[int]] = []
    for device in ("cpu", "cuda"):
        chat: Any = load_language(folder, None, device)
        assert isinstance(chat, ChatJamba)
        ids = rule.encode("<|bom|><|user|> 2 plus 3?<|eom|>", special=True)
        grammar = 'start: /[a-z]{4}/ "yes" <|eom|>'
        tokens = chat._tokens(ids[:4], ids, 12, grammar=grammar, deadline=Meter(Budget()).deadline)
        found.append(list(tokens))
    assert found[1][-1] == END
    assert found[0] == found[1] or DEVICE == "cuda"  # there in bfloat16


def test_questions_of_several_threads_share_the_steps(folder: Path) -> None:
    chat: Any = load_language(folder, "jamba_int8", "cuda")
    ids = TOKENIZER.encode("<|bom|><|user|> 2 plus 3?<|eom|>", special=True)
    want = list(chat._tokens(ids[:4], ids, 6, stop_ids=()))
    before, found = chat.jamba.steps, []

    def ask() -> None:
        with chat._lock:  # as draft and word do; on the engine it stops nobody
            found.append(list(chat._tokens(ids[:4], ids, 6, stop_ids=())))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    with chat.jamba.lock:
        for thread in threads:
            thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert found == [want, want] or DEVICE == "cuda"  # in bfloat16 two rows may turn a near-tie
    assert chat.jamba.steps - before < 10
