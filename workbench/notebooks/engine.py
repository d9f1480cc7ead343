"""The papermill engine "workbench": kernels of the current interpreter, without deadlocks or leftover files.

nbclient sends on the shell socket while another coroutine waits on it (it handles Output widgets on behalf of a front
end). The send can consume the notification of the reply, and the waiting coroutine then never wakes. This engine polls
the socket instead, so that a reply is seen at most a quarter of a second late.
"""
import asyncio
import os
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from workbench.notebooks.printed_text import PrintedText, cut
from workbench.places import temporary_folder

NAME = "workbench"
POLL_SECONDS = 0.25  # between two polls of the shell socket
CELL_TIMEOUT = 600  # seconds per cell


class KernelUnresponsive(RuntimeError):
    """The kernel replied to every cell but not to the probe after the last one."""


def poll_in_slices(get_msg: Callable[..., Awaitable[dict]]) -> Callable[..., Awaitable[dict]]:
    """The same get_msg(timeout=seconds or None), polled every POLL_SECONDS until the deadline; then raises `Empty`."""

    async def polling_get_msg(timeout: float | None = None) -> dict:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await get_msg(timeout=max(0.0, min(POLL_SECONDS, deadline - time.monotonic())))
            except Empty:
                if time.monotonic() >= deadline:
                    raise

    return polling_get_msg


def yielding(get_msg: Callable[..., Awaitable[dict]]) -> Callable[..., Awaitable[dict]]:
    """The same get_msg, which lets others run after every message: else outputs that pour in keep the time-out of a
    cell from being noticed."""

    async def yielding_get_msg(timeout: float | None = None) -> dict:
        message = await get_msg(timeout=timeout)
        await asyncio.sleep(0)
        return message

    return yielding_get_msg


def cancel_pending() -> None:
    """End what an interrupted cell was waiting for. Left alone, it would go on during the shut-down of its kernel, and
    print errors about that at some later time."""
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        return  # of somebody else: the cell then runs on a loop of its own in another thread
    loop = ensure_event_loop()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        done, _ = loop.run_until_complete(asyncio.wait(tasks, timeout=20 * POLL_SECONDS))
        for task in done:
            task.cancelled() or task.exception()  # seen, so that it is not reported as an error that nobody saw


class CurrentInterpreterSpecManager(KernelSpecManager):
    """A kernel spec manager that returns an IPython kernel of the current interpreter for every name, so that no kernel
    spec needs to be installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The command of the kernel, with its start-up warnings (frozen modules, plain TCP) switched off."""
        command = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=[*command, "--IPKernelApp.log_level=40"], display_name="Python 3", language="python")


class WorkbenchClient(PapermillNotebookClient):
    """papermill's client with a kernel of this interpreter, polling, and errors raised in the cell that caused them."""

    def create_kernel_manager(self) -> AsyncKernelManager:
        """A manager of one kernel whose connection file is in `folder`, a temporary one of this run."""
        self.printed: dict[int, tuple[Any, PrintedText]] = {}  # by id of an output: the output and its text so far
        connection = str(self.folder / "kernel.json")
        self.km = AsyncKernelManager(
            kernel_name="python3", kernel_spec_manager=CurrentInterpreterSpecManager(), connection_file=connection
        )
        return self.km

    def start_new_kernel(self, **kwargs: Any) -> None:
        """Start the kernel without a browser front end and without the user's IPython profile."""
        env = {**os.environ, "WORKBENCH_PROGRESS": "log", "PLOTLY_RENDERER": "plotly_mimetype"}
        env |= {"IPYTHONDIR": str(self.folder / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        env.pop("JPY_SESSION_NAME", None)
        with open(self.stderr_path, "wb") as file:  # shut-down messages are noise in a report
            super().start_new_kernel(env=env, stderr=file, **kwargs)

    @property
    def stderr_path(self) -> Path:
        return self.folder / "stderr.txt"

    def start_new_kernel_client(self) -> Any:
        """Connect to the kernel and poll its shell channel. (papermill does not call the async variant.)"""
        client = super().start_new_kernel_client()
        client.iopub_channel.get_msg = yielding(client.iopub_channel.get_msg)
        client.shell_channel.get_msg = poll_in_slices(client.shell_channel.get_msg)
        return client

    def papermill_execute_cells(self) -> None:
        """Run all cells, then check that the kernel is still alive."""
        try:
            for index, cell in enumerate(self.nb.cells):
                self.nb_man.cell_start(cell, index)
                try:
                    self.execute_cell(cell, index)
                except BaseException as error:
                    cancel_pending()
                    self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                    raise
                finally:
                    self._finish_outputs(cell)
                    self.nb_man.cell_complete(cell, cell_index=index)
            self._check_alive()
        finally:
            self.set_widgets_metadata()

    def output(self, outs: list, msg: dict, display_id: str | None, cell_index: int) -> Any:
        """Handle an output: what a cell prints is joined as it arrives, and a long result is cut."""
        out = super().output(outs, msg, display_id, cell_index)
        if out is None:
            return out
        if out.output_type == "stream":
            earlier = (each for each in outs[:-1] if each.output_type == "stream" and each.name == out.name)
            first = next(earlier, out)
            if first is not out:
                outs.pop()
            self.printed.setdefault(id(first), (first, PrintedText()))[1].add(out.text)
        elif out.output_type == "error":
            out.evalue, out.traceback = cut(out.evalue), [cut(line) for line in out.traceback]
        elif "text/plain" in out.data:
            out.data["text/plain"] = cut(out.data["text/plain"])
        return out

    def _finish_outputs(self, cell: Any) -> None:
        """Write what the cell printed into its outputs; stdout stands before a stderr next to it."""
        for output, printed in self.printed.values():
            output.text = printed.text()
        self.printed, outputs = {}, cell.get("outputs", [])
        for i, pair in enumerate(zip(outputs, outputs[1:])):
            if [each.get("name") for each in pair] == ["stderr", "stdout"]:
                outputs[i : i + 2] = pair[::-1]

    def _check_alive(self) -> None:
        """Run one more cell that returns a random token. KernelUnresponsive if it does not come back."""
        token, hooks = uuid.uuid4().hex, (self.on_cell_start, self.on_cell_executed)
        self.on_cell_start = self.on_cell_executed = None
        self.nb.cells.append(new_code_cell(repr(token)))
        try:
            outputs = self.execute_cell(self.nb.cells[-1], len(self.nb.cells) - 1).outputs
        finally:
            self.nb.cells.pop()
            self.on_cell_start, self.on_cell_executed = hooks
        if not any(token in str(output.get("data", "")) for output in outputs):
            raise KernelUnresponsive("the kernel did not answer after the last cell")


class WorkbenchEngine(NBClientEngine):
    """The papermill engine registered as `engine_name="workbench"`."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        """Run one notebook. Options used: `execution_timeout` (seconds per cell, 600), `start_timeout`, `cwd` and the
        callbacks `on_cell_start` and `on_cell_executed`."""
        with temporary_folder("workbench-kernel-") as folder:
            client = WorkbenchClient(
                nb_man,
                timeout=options.get("execution_timeout") or CELL_TIMEOUT,
                startup_timeout=options.get("start_timeout", 60),
                iopub_timeout=60,
                coalesce_streams=False,  # done by `output`: theirs takes quadratic time on a long line
                on_cell_start=options.get("on_cell_start"),
                on_cell_executed=options.get("on_cell_executed"),
            )
            client.folder = Path(folder)
            try:
                return client.execute(**{key: options[key] for key in ("cwd",) if options.get(key)})
            except DeadKernelError:
                print(client.stderr_path.read_text(errors="replace")[-2000:], file=sys.stderr)
                raise


papermill_engines.register(NAME, WorkbenchEngine)
