"""JSON that nests too deeply for those who have to read it."""

import pytest

from . import deployment
from .namespace import Namespace, command_agent
from .run import condition

SAY = "import sys; open('/dev/termination-log', 'w').write(sys.argv[1])"


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


# Too deep for a status that is written, and for JSON that is read.
@pytest.mark.parametrize("depth", [300, 2000])
def test_the_last_words_of_a_program(ns: Namespace, depth: int) -> None:
    words = f'{{"result":"Succeeded","output":{nested(depth)}}}'
    image = deployment.operator_image()
    ns.create(command_agent("says", "python3", "-c", SAY, words, image=image))
    operator = deployment.restarts()
    run = ns.run("says", thread="t")
    done = run.wait("Succeeded")
    (container,) = run.pod()["status"]["containerStatuses"]
    assert container["state"]["terminated"]["message"] == words, "else this shows nothing"
    assert condition(done, "Finished") == ("True", "Succeeded")
    assert "output" not in done["status"], "there is nothing that could be written"
    ns.run("echoes", thread="t", input={"text": "x"}).wait("Succeeded")
    assert deployment.restarts() == operator
