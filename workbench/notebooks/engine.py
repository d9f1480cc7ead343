"""The papermill engine "workbench": kernels of the running interpreter that cannot hang and leave nothing behind.

nbclient sends on the shell socket while another coroutine waits on it (it plays the front end of Output widgets); the
send swallows the wake-up and the reply is never noticed. We wait in slices, so a reply is seen a quarter second late
at worst.
"""
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

NAME = "workbench"
SLICE = 0.25  # seconds between two looks at the shell socket
TIMEOUT = 600  # seconds a cell may take


class Unfinished(RuntimeError):
    """The kernel answered every cell, yet not the question after the last one."""


def in_slices(get_msg: Callable[..., Awaitable[dict]]) -> Callable[..., Awaitable[dict]]:
    """The same get_msg(timeout=seconds or None), awaited SLICE by SLICE until the caller's deadline; then `Empty`."""

    async def get(timeout: float | None = None) -> dict:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await get_msg(timeout=max(0.0, min(SLICE, deadline - time.monotonic())))
            except Empty:
                if time.monotonic() >= deadline:
                    raise

    return get


class RunningInterpreter(KernelSpecManager):
    """Whatever kernel is asked for, the answer is an IPython kernel of this interpreter; none needs to be installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernel's command; its warnings (frozen modules, plain TCP) are noise in a report and switched off."""
        command = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=[*command, "--IPKernelApp.log_level=40"], display_name="Python 3", language="python")


class WorkbenchClient(PapermillNotebookClient):
    """papermill's client with our kernel, our way of waiting, and errors that are raised where they happen."""

    def create_kernel_manager(self) -> AsyncKernelManager:
        """A manager of one kernel, whose connection file lies in the run's own temporary folder."""
        self.aside = tempfile.TemporaryDirectory(prefix="workbench-kernel-")
        connection = str(Path(self.aside.name) / "kernel.json")
        self.km = AsyncKernelManager(
            kernel_name="python3", kernel_spec_manager=RunningInterpreter(), connection_file=connection
        )
        return self.km

    def start_new_kernel(self, **kwargs: Any) -> None:
        """Start the kernel in an environment that says there is no browser and no profile of the user's."""
        env = {**os.environ, "WORKBENCH_PROGRESS": "log", "PLOTLY_RENDERER": "plotly_mimetype"}
        env |= {"IPYTHONDIR": str(Path(self.aside.name) / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        env.pop("JPY_SESSION_NAME", None)
        with open(self.last_words, "wb") as file:  # what a kernel says while it is shut down is no news
            super().start_new_kernel(env=env, stderr=file, **kwargs)

    @property
    def last_words(self) -> Path:
        return Path(self.aside.name) / "stderr.txt"

    def start_new_kernel_client(self) -> Any:
        """Connect, and wait in slices from now on. (The async twin is not called by papermill's loop.)"""
        client = super().start_new_kernel_client()
        client.shell_channel.get_msg = in_slices(client.shell_channel.get_msg)
        return client

    def papermill_execute_cells(self) -> None:
        """Run the cells, then ask the kernel to repeat a word: only a notebook that reached its end can."""
        try:
            for index, cell in enumerate(self.nb.cells):
                self.nb_man.cell_start(cell, index)
                try:
                    self.execute_cell(cell, index)
                except BaseException as error:
                    self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                    raise
                finally:
                    self.nb_man.cell_complete(cell, cell_index=index)
            self._check_end()
        finally:
            self.set_widgets_metadata()

    def _check_end(self) -> None:
        word, hooks = uuid.uuid4().hex, (self.on_cell_start, self.on_cell_executed)
        self.on_cell_start = self.on_cell_executed = None
        self.nb.cells.append(new_code_cell(repr(word)))
        try:
            outputs = self.execute_cell(self.nb.cells[-1], len(self.nb.cells) - 1).outputs
        finally:
            self.nb.cells.pop()
            self.on_cell_start, self.on_cell_executed = hooks
        if not any(word in str(output.get("data", "")) for output in outputs):
            raise Unfinished("the kernel did not answer after the last cell")


class WorkbenchEngine(NBClientEngine):
    """What papermill calls for `engine_name="workbench"`."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        """Run one notebook; `execution_timeout` (seconds a cell, 600) and `cwd` are the options that matter."""
        client = WorkbenchClient(
            nb_man,
            timeout=options.get("execution_timeout") or TIMEOUT,
            startup_timeout=options.get("start_timeout", 60),
            iopub_timeout=60,
            coalesce_streams=True,
            on_cell_start=options.get("on_cell_start"),
            on_cell_executed=options.get("on_cell_executed"),
        )
        try:
            return client.execute(**{key: options[key] for key in ("cwd",) if options.get(key)})
        except DeadKernelError:
            print(client.last_words.read_text(errors="replace")[-2000:], file=sys.stderr)
            raise
        finally:
            client.aside.cleanup()


papermill_engines.register(NAME, WorkbenchEngine)
