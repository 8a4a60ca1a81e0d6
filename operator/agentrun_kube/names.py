"""Names that AgentRun writes into the cluster: the API group, labels, annotations, containers."""

GROUP = "agentrun.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

# On a run from just before its Job is created until none of its pods is alive: the API server keeps
# the run that long, even if a user deletes it. Which run has a thread is in status.holdsThread.
FINALIZER = f"{GROUP}/stop"

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY = "agentrun-operator"
LABEL_COMPONENT = "app.kubernetes.io/component"
COMPONENT_AGENT = "agent"
COMPONENT_CLEANUP = "cleanup"
LABEL_RUN = f"{GROUP}/run"
LABEL_RUN_UID = f"{GROUP}/run-uid"
LABEL_THREAD = f"{GROUP}/thread"
# On runs, by the user who creates them: which operator works on them. Jobs and pods have that of
# their run.
LABEL_INSTANCE = f"{GROUP}/instance"
LABEL_FINISHED = f"{GROUP}/finished"  # on Jobs and pods: their run has finished, and they have too
LABEL_JOB = "batch.kubernetes.io/job-name"  # on pods, by the Job controller
ANNOTATION_RUN_FILE = f"{GROUP}/run-file"  # what the runner reads: runtime, input, config
# On runs of a thread: resourceVersion before the operator's first write. Their creationTimestamps
# have whole seconds, and `kubectl apply` creates many runs in one.
ANNOTATION_QUEUED = f"{GROUP}/queued"
ANNOTATION_RETRIES = f"{GROUP}/retries"  # on Jobs: backoffLimit as it was made; a stop changes it
# On pods: "true" if the agent's container has our runner as PID 1, whose termination report counts.
ANNOTATION_RUNNER = f"{GROUP}/runner"
ANNOTATION_CLAIM = f"{GROUP}/claim"  # on clean-up Jobs: the PVC that they clean
ANNOTATION_CLEANUP_RUNS = f"{GROUP}/runs"  # on clean-up Jobs: JSON {run uid: run name}
ANNOTATION_CLEANUP_ATTEMPT = f"{GROUP}/attempt"  # on clean-up Jobs: 1 for the first try

# By these, tools that apply objects from Git know their own: Argo CD and Flux.
# https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/
# https://fluxcd.io/flux/components/kustomize/kustomizations/
GIT_ANNOTATIONS = ("argocd.argoproj.io/tracking-id",)
GIT_LABELS = (
    "app.kubernetes.io/instance",
    "kustomize.toolkit.fluxcd.io/name",
    "helm.toolkit.fluxcd.io/name",
)

AGENT_CONTAINER = "agent"
WORKSPACE_CONTAINER = "workspace"  # the init container before an agent with an image of its own
CLEANUP_CONTAINER = "cleanup"
DEFAULT_CLAIM = "agentrun-store"
DEFAULT_GRACE_PERIOD_SECONDS = 30

# A Job's name becomes a label value of its pods, and label values have at most 63 characters:
# https://kubernetes.io/docs/concepts/workloads/controllers/job/
MAX_JOB_NAME = 63
