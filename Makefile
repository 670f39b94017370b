# Needs Python 3.11 to 3.14, git and make. Everything else comes from the hashed locks into .venv.
.PHONY: run test proofs proof-properties proof-market proof-collector proof-peers proof-clients proof-recovery
.PHONY: proof-load proof-crashes proof-kills proof-random-kills proof-postgres proof-redis proof-tls proof-disk proof-two-runners
.PHONY: audit coverage figures-runner faults life mutants soak soak-stack calibrate lint install install-dev lock

run: install
	@exec .venv/bin/quant up $(ARGS)

# Each worker has servers of its own. With ARGS="-n 0" everything runs in one process.
WORKERS = -n auto --maxprocesses 4 --no-loadscope-reorder
test: install-dev
	@exec .venv/bin/python -m pytest -q $(WORKERS) $(ARGS)

# Lines of the product that tests run; kernels count by their tests once more without compilation (benchmarks/README.md).
KERNEL_TESTS = tests/unit/accounting tests/unit/risk tests/unit/trading tests/unit/costs tests/unit/indicators \
	tests/unit/metrics tests/unit/portfolio tests/unit/backtest tests/property/test_accounting.py \
	tests/property/test_risk.py tests/property/test_stops.py tests/property/test_resting.py tests/property/test_account.py
coverage: install-dev
	@.venv/bin/coverage erase
	@.venv/bin/coverage run -m pytest -q $(WORKERS) $(ARGS)
	@NUMBA_DISABLE_JIT=1 .venv/bin/coverage run -m pytest -q -p tests.uncompiled $(WORKERS) $(KERNEL_TESTS)
	@.venv/bin/coverage combine --quiet
	@.venv/bin/coverage report --fail-under=85

# What takes too long for CI; benchmarks/README.md tells what each one shows.
proofs: proof-properties proof-market proof-collector proof-peers proof-clients proof-load proof-recovery proof-crashes proof-kills proof-random-kills \
	proof-postgres proof-redis proof-tls proof-disk proof-two-runners

proof-properties: install-dev
	@.venv/bin/python -m pytest -q $(WORKERS) --hypothesis-profile=proofs tests/property

proof-market: install-dev
	@.venv/bin/python benchmarks/market_honesty.py 30
	@echo "market: figures of 30 seeds above"

proof-collector: install-dev
	@.venv/bin/python benchmarks/collector.py --seconds 3600
	@echo "collector: figures of an hour above"

proof-peers: install-dev
	@.venv/bin/python benchmarks/peers.py
	@.venv/bin/python benchmarks/decision_peer.py
	@echo "peers: trades and figures above"

proof-clients: install-dev
	@.venv/bin/python benchmarks/clients.py $(ARGS)
	@echo "clients: all of them traded at the venue"

proof-load: install-dev
	@PYTHONPATH=. .venv/bin/python benchmarks/gateway_load.py
	@echo "load: answers and streams above"

proof-recovery: install-dev
	@PYTHONPATH=. .venv/bin/python benchmarks/recovery.py 20
	@echo "recovery: seconds of 20 kills above"

proof-crashes: install-dev
	@.venv/bin/python -m tests.faults.crash
	@echo "crashes: cells of the matrix above"

proof-kills: install-dev
	@PYTHONPATH=. .venv/bin/python benchmarks/kills.py 30
	@echo "kills: books equal behind 30 of them"

proof-random-kills: install-dev
	@PYTHONPATH=. .venv/bin/python benchmarks/random_kills.py 200
	@echo "random kills: books equal behind each, seconds above"

# Real processes beside the runner; each ends with a line of JSON, and with 1 where something is violated.
proof-postgres: install-dev
	@.venv/bin/python -m tests.processes.postgres --rounds 5
	@.venv/bin/python -m tests.processes.left_resting

proof-redis: install-dev
	@.venv/bin/python -m tests.processes.redis --rounds 5

proof-tls: install-dev
	@.venv/bin/python -m tests.processes.tls --rounds 10

proof-disk: install-dev
	@.venv/bin/python -m tests.processes.disk --rounds 3

proof-two-runners: install-dev
	@.venv/bin/python -m tests.processes.two_runners --rounds 30

# Seeded worlds of the runner under faults; the last line is JSON. A seed that fails: SEEDS=1 FIRST=<seed>.
SEEDS = 100
FIRST = 1
faults: install-dev
	@exec .venv/bin/python -m tests.faults --seeds $(SEEDS) --first $(FIRST) $(if $(BOOKS),--books $(BOOKS)) $(if $(STRATEGY),--strategy $(STRATEGY)) $(if $(MUTANT),--mutant $(MUTANT)) $(if $(ONLY),--only $(ONLY)) $(if $(ENTRY),--entry $(ENTRY))

# Many more of them; what was played at a commit is not played again, and docs/faults.md tells of it.
soak: install-dev
	@exec .venv/bin/python -m tests.faults.soak $(ARGS)

# A whole stack left alone: memory, tables and logs stay flat, and nothing goes wrong; the last line is JSON.
HOURS = 6
soak-stack: install-dev
	@exec .venv/bin/python -m benchmarks.soak_stack --hours $(HOURS) $(ARGS)

# Runners that are broken on purpose, each until the examiners see it; the last line is JSON.
mutants: install-dev
	@exec .venv/bin/python -m tests.faults.mutants --seeds $(SEEDS) --first $(FIRST)

# A year of days in seeded worlds: promoted, scored and taken back by the real guards; the last line is JSON.
life: install-dev
	@exec .venv/bin/python -m tests.life --seeds $(SEEDS) --first $(FIRST) $(ARGS)

# Error and power of the capital decision in seeded worlds, written to docs/calibration.md; the last line is JSON.
WORLDS = 2000
calibrate: install-dev
	@exec .venv/bin/python -m benchmarks.calibrate --worlds $(WORLDS) $(ARGS)

# What the live runner promises, measured in one run with the target beside each figure; about 15 minutes.
figures-runner: install-dev
	@PYTHONPATH=. .venv/bin/python benchmarks/runner_figures.py $(ARGS)

lint: install-dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

# Known security holes of what the locks install.
audit: install-dev
	@.venv/bin/python .ci/audit.py

install:
	@.ci/install run

install-dev:
	@.ci/install dev

# Needs uv. Resolves anew for every platform and Python that the project supports.
COMPILE = uv pip compile pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links --no-strip-extras --quiet
lock:
	$(COMPILE) -o requirements.lock
	$(COMPILE) --extra cluster --extra mcp --extra otel --extra vault --extra dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) --extra cluster --extra kubernetes --extra vault -c requirements-dev.lock -o deploy/requirements.lock
