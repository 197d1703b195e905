# Everything a reader runs. Set-up happens by itself; a stamp is written last, so a broken set-up starts anew.
VENV ?= .venv
BIN := $(VENV)/bin
# Processes that run tests side by side; each has brokers of its own.
JOBS ?= 2
PROGRAMS := rabbitmq-server=rabbitmq-server memcached=memcached node=nodejs npm=npm go=golang-go chromium=chromium

.PHONY: help conformance test lint site capture observe-fixtures observe evidence steady matrix check-speed clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

$(VENV)/.ready: conformance/tools/venv.sh
	@conformance/tools/venv.sh $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -U pip
	@touch $@

$(VENV)/.installed: $(VENV)/.ready pyproject.toml
	@echo "installing celery-wire into $(VENV)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	@echo "installing what the tests need into $(VENV)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

conformance: $(VENV)/.installed ## judge Celery on an embedded Redis; leaves report/report.html
	@$(BIN)/celery-wire run celery --broker redis --report report

lint: $(VENV)/.tested ## types, style, and the specification's own lints
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m celery_conformance.specification --check
	$(BIN)/python -m celery_conformance.asyncapi --check

site: $(VENV)/.tested ## build the site into site/; open site/index.html
	@cd docs && NO_MKDOCS_2_WARNING=1 $(abspath $(BIN))/mkdocs build --strict -q
	@echo "site/index.html"

test: lint ## all tests, on Redis and RabbitMQ, with real clients and a real browser
	@conformance/tools/system.sh $(PROGRAMS)
	$(BIN)/pytest -n $(JOBS) --dist loadgroup

capture: $(VENV)/.tested ## capture the fixtures from Celery again (needs RabbitMQ)
	$(BIN)/python -m celery_conformance.fixtures.capture

observe-fixtures: $(VENV)/.tested ## feed the made fixtures to Celery again and record what it does
	$(BIN)/python -m celery_conformance.fixtures.observe

observe: $(VENV)/.tested ## install every line of Celery and observe it again (needs RabbitMQ, memcached, Python 3.6 to 3.11)
	$(BIN)/python -m celery_conformance.versions observe

evidence: $(VENV)/.tested ## record the runs of cases against Celery that requirements cite (needs RabbitMQ)
	$(BIN)/python -m celery_conformance.evidence

steady: $(VENV)/.installed ## 20 runs against Celery, other seeds, busy cores: the verdicts must be the same
	$(BIN)/python -m celery_conformance.steady

matrix: $(VENV)/.installed ## every built-in adapter on every broker and store it names, all cases (needs RabbitMQ, Node, Go; slow)
	$(BIN)/python -m celery_conformance.matrix

check-speed: $(VENV)/.installed ## how many messages a second celery-wire check judges on one core
	$(BIN)/python -m celery_conformance.check.benchmark

clean: ## remove what the targets made
	rm -rf $(VENV) report site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
