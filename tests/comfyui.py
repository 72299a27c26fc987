"""A real ComfyUI for tests: started headless on the CPU, asked over HTTP, watched over its websocket.

COMFYUI_DIR names a checkout of ComfyUI, COMFYUI_PYTHON a python that has its requirements and this pack's. Only the
standard library is used.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import neural_collage
import pytest

__all__ = ["COMFYUI", "NEEDED", "ROOT", "Run", "Server"]

COMFYUI = os.environ.get("COMFYUI_DIR")
PYTHON = os.environ.get("COMFYUI_PYTHON", sys.executable)
NEEDED = pytest.mark.skipif(COMFYUI is None, reason="COMFYUI_DIR is not set: no ComfyUI to test in")
ROOT = Path(neural_collage.__file__).parent
"""The pack."""
READY_AFTER, DONE_AFTER = 600, 300
"""Seconds to wait at most, for a server that starts and for a prompt that runs."""
ENDS = {"execution_success": "success", "execution_error": "error", "execution_interrupted": "interrupted"}
TEXT, BINARY = 1, 2
"""Kinds of frames (RFC 6455, section 5.2)."""

Event = dict[str, Any]
Prompt = Mapping[str, Any]


@dataclass
class Run:
    """What became of a prompt."""

    status: str
    """"success", "error", "interrupted", or "refused" where it never ran."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """For each output node what it shows."""
    events: list[Event] = field(default_factory=list)
    """What the page was told, in order."""
    node_errors: dict[str, Any] = field(default_factory=dict)
    """What was wrong with the inputs of a node. (A prompt with a good output beside a bad one runs, and has some.)"""

    @property
    def executed(self) -> set[str]:
        """The nodes that ran; those that were cached did not."""
        return {event["data"]["node"] for event in self.of("executing")} - {None}

    @property
    def error(self) -> Event:
        """What the page was told of the node that failed."""
        (event,) = self.of("execution_error")
        return event["data"]

    @property
    def failure(self) -> str:
        """Its message and where it came from, or nothing: for the tester."""
        return "".join(
            f"{event['data']['exception_message']}\n{''.join(event['data']['traceback'])}"
            for event in self.of("execution_error")
        )

    def of(self, kind: str, node: str | None = None) -> list[Event]:
        """The events of this kind, of this node if one is named."""
        return [
            event
            for event in self.events
            if event["type"] == kind and (node is None or event["data"].get("node") == node)
        ]


class Server:
    """A running ComfyUI with a base folder of its own. Use it in a `with` statement.

    Args:
        base: an empty folder.
        packs: folder name below custom_nodes -> the pack; it is linked, not copied.
        arguments: more for its command line.
    """

    def __init__(self, base: Path, packs: Mapping[str, Path], arguments: tuple[str, ...] = ()) -> None:
        for name in ("custom_nodes", "models/gan", "input", "output", "temp"):
            (base / name).mkdir(parents=True, exist_ok=True)
        for name, pack in packs.items():
            (base / "custom_nodes" / name).symlink_to(pack, target_is_directory=True)
        self.base, self.arguments, self.log_file = base, arguments, base / "log.txt"

    def __enter__(self) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [PYTHON, "main.py", "--cpu", "--port", str(self.port), "--base-directory", str(self.base)]
        command += ["--database-url", "sqlite:///:memory:", "--disable-api-nodes", *self.arguments]
        # Bytecode goes aside, so that neither the checkout nor the pack is written to; output comes line by line.
        bytecode = str(Path(os.environ.get("TMPDIR", "/tmp")) / "neural-collage-host-bytecode")
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(command, cwd=COMFYUI, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self.wait("/system_stats", READY_AFTER, lambda answer: True)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def url(self) -> str:
        """Where its page is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it wrote to the console so far."""
        return self.log_file.read_text(errors="replace")

    def get(self, path: str) -> bytes:
        """The body of an answer."""
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read()

    def ask(self, path: str, body: object = None) -> Any:
        """An answer's JSON, or None where it is empty. With a body, it is posted."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.url + path, data, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def wait(self, path: str, seconds: float, enough: Callable[[Any], bool]) -> Any:
        """Ask until the answer is as wanted."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                pytest.fail(f"ComfyUI ended:\n{self.log[-4000:]}")
            try:
                answer = self.ask(path)
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                answer = None
            if answer is not None and enough(answer):
                return answer
            time.sleep(0.1)
        pytest.fail(f"no answer from {path} after {seconds} s:\n{self.log[-4000:]}")

    def give(self, *pictures: Path) -> None:
        """Put pictures into the folder that Load Image lists."""
        for picture in pictures:
            shutil.copyfile(picture, self.base / "input" / picture.name)

    def pictures(self, run: Run, node: str) -> list[Path]:
        """The files that an output node wrote."""
        return [
            self.base / picture["type"] / picture["subfolder"] / picture["filename"]
            for picture in run.outputs[node]["images"]
        ]

    def run(self, prompt: Prompt, watch: Callable[[Event], object] = lambda event: None) -> Run:
        """Queue a prompt and wait for its end; `watch` is called with every event on the way."""
        client = uuid4().hex
        with socket.create_connection(("127.0.0.1", self.port), timeout=DONE_AFTER) as connection:
            stream = _opened(connection, f"/ws?clientId={client}")
            try:
                queued = self.ask("/prompt", {"prompt": prompt, "client_id": client})
            except urllib.error.HTTPError as refusal:
                return Run("refused", node_errors=json.loads(refusal.read())["node_errors"])
            run = Run("", node_errors=queued["node_errors"])
            for event in _events(stream):
                run.events.append(event)
                watch(event)
                if event["type"] in ENDS and event["data"]["prompt_id"] == queued["prompt_id"]:
                    run.status = ENDS[event["type"]]
                    break
        number = queued["prompt_id"]
        run.outputs = self.wait(f"/history/{number}", 60, lambda answer: number in answer)[number]["outputs"]
        return run


def _opened(connection: socket.socket, path: str) -> BinaryIO:
    """Turn a connection into a websocket (RFC 6455, section 4.1)."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
    connection.sendall("\r\n".join(lines).encode())
    stream = connection.makefile("rb")
    assert b" 101 " in stream.readline()
    while stream.readline().strip():
        pass
    return stream


def _events(stream: BinaryIO) -> Iterator[Event]:
    """What the server says: JSON as it is, a picture as an event of type "preview"."""
    while head := stream.read(2):
        kind, length = head[0] & 15, head[1] & 127
        if length > 125:
            size = {126: ">H", 127: ">Q"}[length]
            (length,) = struct.unpack(size, stream.read(struct.calcsize(size)))
        body = stream.read(length)
        if kind == TEXT:
            yield json.loads(body)
        elif kind == BINARY:
            yield {"type": "preview", "data": {"picture": body[8:]}}
