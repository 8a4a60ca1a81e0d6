"""python -m demo: on a cluster that `make deploy` has prepared, in a namespace of its own."""

import os
import sys

from cluster.current import chosen
from cluster.shell import CommandError, fail
from demo import setting
from demo.story import story
from demo.terminal import StoryError, do, tell


def main() -> int:
    """Tell the story; 1 if anything in it is not as told."""
    try:
        setting.prepare()
        story()
    except (StoryError, CommandError) as error:
        tell("\nThe story breaks off here. This is what the cluster has:")
        for command in setting.WHAT_IS_THERE:
            try:
                do(command)
            except StoryError as also:
                tell(str(also))
        fail(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    tell("\n\nThe story is true: each step was checked. The cluster stays up. Look around:\n")
    tell(f"  export KUBECONFIG={os.environ['KUBECONFIG']}{setting.path_of_kubectl()}")
    tell("  kubectl get agentruns,jobs,pods")
    tell("  kubectl explain agentrun.spec.cancel")
    remove = f"kubectl delete namespace {setting.NAMESPACE}" if chosen() else "make cluster-down"
    tell(f"\nRemove it:\n\n  {remove}")
    return 0


sys.exit(main())
