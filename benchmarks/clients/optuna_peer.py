"""A sampler of Optuna over a pipe: SAMPLER SEED BOUNDS; lines ask or tell, answers have the CPU spent."""

import json
import sys
import time
import warnings

import optuna

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
kind, seed, bounds = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
sampler = {"tpe": optuna.samplers.TPESampler, "gp": optuna.samplers.GPSampler}[kind](seed=seed)
study = optuna.create_study(direction="maximize", sampler=sampler)
spent, trial = 0.0, None
for line in sys.stdin:
    message, begun = json.loads(line), time.process_time()
    answer = None
    if message == "ask":
        trial = study.ask()
        answer = {
            name: trial.suggest_int(name, int(low), int(high), log=log)
            if is_integer
            else trial.suggest_float(name, low, high, log=log)
            for name, low, high, is_integer, log in bounds
        }
    elif message is None:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
    else:
        study.tell(trial, message)
    spent += time.process_time() - begun
    print(json.dumps([answer, spent]), flush=True)
