"""Runs commands in processes that have already imported torch and Lightning, which saves seconds for each.

They have also traced the networks that tests train (`lite`, 4 channels wide, with one block), without and with a
strength: that is most of what a training run of a few steps takes.

`python -m tests.warm SOCKET TRACES` listens at the socket and forks for each command. `Warm.stand_in` returns the text
of a program that passes its arguments, folder, environment and open files to this server.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
os.environ["PATH"] = "{programs}:" + os.environ["PATH"]
if sys.argv[1] in ("python", "pip", "tensorboard"):
    os.execvp(sys.argv[1], sys.argv[1:])
server = socket.socket(socket.AF_UNIX)
server.connect("{address}")
given = json.dumps([os.getcwd(), ["fast-style", *sys.argv[1:]], dict(os.environ)])
socket.send_fds(server, [given.encode()], [0, 1, 2])
answers = server.makefile()
process = int(answers.readline())
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: os.kill(process, number))
sys.exit(int(answers.readline() or 255))
"""


class Warm:
    """The server, and the program that takes the place of `./run`.

    Args:
        address: Path of the socket.
        traces: Folder of the traces that all processes share.
    """

    def __init__(self, address: Path, traces: Path) -> None:
        self.address = address
        # It gets its own session, so that whatever a failed test leaves running ends with it.
        # Rich looks at the width of the terminal when the consoles are made, which is when modules are imported.
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(address), str(traces)], start_new_session=True,
            cwd=Path(__file__).parent.parent, env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip

    def stand_in(self) -> str:
        """Returns the text of the program that hands commands to the server."""
        return CLIENT.format(python=sys.executable, programs=Path(sys.executable).parent, address=self.address)

    def make_program(self, folder: Path) -> Path:
        """Writes that program into a folder, waits until the server listens, and returns the program's path."""
        program = folder / "warm"
        program.write_text(self.stand_in())
        program.chmod(0o755)
        self.wait()
        return program

    def wait(self) -> None:
        """Waits until the server listens."""
        deadline = time.monotonic() + 300
        while not self.address.exists():
            assert self._server.poll() is None and time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)

    def close(self) -> None:
        """Ends the server and every command that it still runs."""
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()


def serve(address: str, traces: str) -> None:
    """Listens at a socket until the parent process is gone, and forks for each client."""
    import fast_style.cli.hydra_app  # noqa: F401
    from fast_style.cli.app import main
    from fast_style.config.entry import compose_training
    from fast_style.models.artifact import ModelInfo
    from fast_style.models.networks import build_network
    from fast_style.training.onnx_file import write_onnx
    from tests.traces import share_traces

    share_traces(Path(traces))
    model = compose_training(["experiment=smoke", "model.width=4", "model.blocks=1"]).model
    arguments = {"width": model.width, "blocks": model.blocks, **model.arguments}
    for takes_strength in (False, True):
        network = build_network(model.name, **arguments, takes_strength=takes_strength).eval()
        info = ModelInfo("warm", model.name, {}, "", "", network.minimum_side)
        write_onnx(network, Path(f"{address}.onnx"), info, half_weights=True)

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(1)
    # The socket gets its final name once it listens: a client must not come earlier.
    listener.bind(f"{address}.new")
    listener.listen()
    Path(f"{address}.new").rename(address)
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            client, _ = listener.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            client.setblocking(True)
            watch(client, main)
        client.close()


def watch(client: socket.socket, main: object) -> None:
    """Runs the client's command in a fork, and tells the client the status with which it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    given, files, _, _ = socket.recv_fds(client, 1 << 18, 3)
    process = os.fork()
    if process == 0:
        folder, sys.argv, environment = json.loads(given)
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        code = 1
        try:
            main()  # type: ignore[operator]
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    client.sendall(f"{process}\n".encode())
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    client.sendall(f"{code if code >= 0 else 128 - code}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    # Lightning starts further processes of a run by the module that this names, else by the program in sys.argv.
    __spec__ = None
    serve(*sys.argv[1:])
