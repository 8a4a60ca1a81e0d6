"""The child process that runs the graph. Its result goes into the slot that it inherits."""

import gc
import io
import os
import sys
import traceback

from .. import runfile
from ..result import STOPPED, ResultSlot, failed
from ..stop_pipe import inherited_stop_fd
from .main_thread import MainThread


def main() -> int:
    """Run the run file's graph. The exit code says nothing when there is a result.

    From when that is there, the supervisor gives this process a second to end.
    """
    slot = ResultSlot.inherit()
    stop_fd = inherited_stop_fd()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the agent prints goes out at once, but a line at a time: unbuffered, as the image has
        # it, a line and its end are two writes, and an event may come in between.
        sys.stdout.reconfigure(line_buffering=True, write_through=False)
    run = runfile.load()
    if not isinstance(run.runtime, runfile.Langgraph):
        raise TypeError(run.runtime)
    # Checkpoints are data. Agents' own serializers are as strict, unless spec.env says otherwise.
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    gc.disable()  # importing makes no garbage, and looking for it takes a tenth of the time
    # While LangGraph is imported, SIGTERM simply ends the process.
    try:
        from . import failures, graph_run, loading
    except ImportError as error:
        traceback.print_exc()
        text = f"{sys.executable} cannot import LangGraph: {error}; build Agent spec.image FROM the"
        slot.seal(failed("GraphImportFailed", f"{text} runner image, and install into its Python"))
        return 1
    runtime = run.runtime
    main_thread = MainThread(stop_fd)

    async def run_and_seal() -> None:
        slot.seal(await graph_run.run_graph(run, runtime, candidate, lambda: main_thread.stopping))

    try:
        candidate = main_thread.call(lambda: loading.import_attribute(runtime.graph))
        gc.freeze()
        gc.enable()
        main_thread.run(run_and_seal)
    except BaseException as error:
        if main_thread.stopping:
            slot.seal(STOPPED)
            return 143
        if cause := failures.what_to_trace(error):
            traceback.print_exception(cause)
        slot.seal(failures.result_of(error))
        return 1
    finally:
        gc.freeze()  # the interpreter would search all of LangGraph once more before it ends: 0.2 s
    return 0


sys.exit(main())
