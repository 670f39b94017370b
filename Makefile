# Needs Python 3.11 to 3.14, git and make. Everything else comes from the hashed locks into .venv.
.PHONY: run test lint install install-dev lock

run: install
	@exec .venv/bin/quant up $(ARGS)

test: install-dev
	@exec .venv/bin/python -m pytest -q $(ARGS)

lint: install-dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

install:
	@.ci/install run

install-dev:
	@.ci/install dev

# Needs uv. Resolves anew for every platform and Python that the project supports.
COMPILE = uv pip compile pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links --no-strip-extras --quiet
lock:
	$(COMPILE) -o requirements.lock
	$(COMPILE) --extra dev -c requirements.lock -o requirements-dev.lock
