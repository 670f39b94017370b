"""``quant optimize``: a walk-forward and its verdict, on files or on what the stack has stored."""

import argparse

from quant_pipelines.cli.parse import add_market_arguments, parameter_range, walk_or_study


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; what is not given stands in the settings."""
    add_market_arguments(parser, strategies="?", symbols="*")  # a stored one knows them
    parser.set_defaults(timeframe=None)  # what was given is told from what was not: a stored one knows it
    parser.add_argument("--searcher", help="how parameters are searched, such as bayes, cma or ga")
    parser.add_argument("--trials", type=int, help="parameter sets tried in each fold")
    parser.add_argument("--folds", type=int, help="number of folds")
    parser.add_argument("--train-days", type=int, help="days of each in-sample window")
    parser.add_argument("--test-days", type=int, help="days of each out-of-sample window")
    parser.add_argument(
        "--calendar",
        choices=("forward", "combinatorial"),
        help="combinatorial studies many paths through the history, which prove nothing and make no record",
    )
    parser.add_argument("--groups", type=int, help="groups of days of a combinatorial study")
    parser.add_argument("--test-groups", type=int, help="groups that each of its splits tests")
    parser.add_argument("--embargo-hours", type=int, help="left out after a tested group besides the purge")
    parser.add_argument("--min-trades", type=int, help="a parameter set must make in its train window")
    parser.add_argument("--max-turnover", type=float, help="of a parameter set, multiples of capital a year")
    parser.add_argument("--min-capacity", type=float, help="quote currency that a parameter set must carry")
    parser.add_argument(
        "--capacity-participation", type=float, help="share of each bar's volume for that, such as 0.01"
    )
    parser.add_argument(
        "--space",
        type=parameter_range,
        action="append",
        metavar="NAME=LOW:HIGH[:STEP]",
        help="search less of a parameter, or fix it by NAME=VALUE; may be given for each",
    )
    parser.add_argument("--seed", type=int, help="same seed, same trials")
    parser.add_argument("--objective", help="what a trial is ranked by")
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="Dask scheduler that has it searched, such as tcp://10.0.0.5:8786; needs QUANT_DATABASE_URL",
    )
    parser.add_argument(
        "--resume",
        type=walk_or_study,
        metavar="ID",
        help="finish a stored optimization, or a study by study:ID",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run it and print the verdict; a verdict that rejects is an answer, not a failure."""
    from quant_pipelines.cli.optimize_run import optimize, optimized_document, verdict_text
    from quant_pipelines.cli.optimize_study import study_answer, study_text
    from quant_pipelines.cli.output import print_answer, print_document
    from quant_pipelines.research.job import Studied

    answer = optimize(arguments)
    if isinstance(answer, Studied):
        told = study_answer(answer)
        print_answer(arguments, told, study_text(told))
        return 0
    document = optimized_document(answer)
    if arguments.json:
        print_document(document)
    else:
        print(verdict_text(document))
    return 0
