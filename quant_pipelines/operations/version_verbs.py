"""Rows of the table of verbs for versions: kept, gone back to."""

from quant_pipelines.operations.verb import Field, Verb

_DEPLOYMENT = Field(
    "deployment_id",
    "deployment",
    "id of the deployment, as the asset deployments shows it",
    "its id",
    metavar="DEPLOYMENT",
    blank=0,
)
_ASKS = "One deployment."
ROLLBACK = Verb(
    "rollback",
    "take a shadow, canary or live deployment out again, or go back to what traded before it",
    "quant_pipelines.operations.versions:roll_back",
    (
        _DEPLOYMENT,
        Field(
            "version",
            "text",
            "number of the version to go back to, as quant history tells it; empty takes the deployment out",
            "go back to this version, a number of quant history; without it the deployment is taken out",
            metavar="VERSION",
            default="",
            flag="--to",
        ),
    ),
    job="roll_back_deployment",
    told="Take a deployment out again, or have its unit traded by a version that traded it before",
    asks=_ASKS,
    route="/api/v1/strategy/{deployment_id}/rollback",
)
PIN = Verb(
    "pin",
    "have a deployment keep its version and parameters",
    "quant_pipelines.operations.versions:pin",
    (_DEPLOYMENT,),
    job="pin_deployment",
    told="Have a deployment keep its version and parameters: no challenger takes its place before unpin",
    asks=_ASKS,
    route="/api/v1/strategy/{deployment_id}/pin",
)
UNPIN = Verb(
    "unpin",
    "let challengers of a deployment go on",
    "quant_pipelines.operations.versions:unpin",
    (_DEPLOYMENT,),
    job="unpin_deployment",
    told="Let challengers of a pinned deployment go on",
    asks=_ASKS,
    route="/api/v1/strategy/{deployment_id}/unpin",
)
