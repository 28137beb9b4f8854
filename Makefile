# What a person types. Each target is a script in scripts/, which says more.
.DEFAULT_GOAL := help
.PHONY: help demo test faults bench bench-adapter soak package node build format tidy sanitize conformance model coverage mutants clean

help:
	@echo "make demo      install what is needed, build, and run four replicas against two servers"
	@echo "               (ENGINE=cometbft: on four CometBFT nodes in place of the local engine)"
	@echo "make test      install what is needed, build, and run every test"
	@echo "make faults    build, and put a subnet of four network namespaces through every fault (root, CometBFT)"
	@echo "make bench     build, and print all benchmarks in one run"
	@echo "make bench-adapter  the adapter alone, beside other clients where scripts/bench-peers has put them"
	@echo "make soak      build, and run the adapter under faults, then the simulator, for 20 minutes each"
	@echo "               (SOAK=\"--seconds 60\", or SOAK=\"sim --seconds 3600\")"
	@echo "make package   build, and make the adapter's Debian package (scripts/test-package and test-package-systemd try it)"
	@echo "make node      build, and run docs/deploy.md on a Debian that is booted for it with its systemd (root, debootstrap, CometBFT)"
	@echo "make build     install what is needed and build (build/bin)"
	@echo "make tidy      check the house rules (includes by level, banned words, file lengths)"
	@echo "make format    format the sources with clang-format"
	@echo "make sanitize  build and test with a sanitizer: SANITIZE=address (default), thread, undefined"
	@echo "make conformance  all 517 cases of Autobahn's testsuite (needs Python 2.7: PATH or pyenv)"
	@echo "make model     check the models of the decision rules exhaustively, and that wrong rules are refuted"
	@echo "make coverage  lines and branches of the decision code that simulated runs reach (needs clang-19, llvm-19)"
	@echo "make mutants   take decision rules away, one at a time, and look for a seed that shows it"
	@echo "make clean     remove the build directories"

build:
	@scripts/install-deps
	@scripts/build
	@scripts/install-cometbft --optional

ENGINE ?= local
demo: build
	@scripts/demo --engine $(ENGINE)

# Status 77 says that it cannot run here; the script has said why.
faults: build
	@tests/namespaces/faults.py || [ $$? -eq 77 ]

test: build
	@scripts/test

bench: build
	@scripts/bench

bench-adapter: build
	@scripts/bench adapter $(BENCH)

soak: build
	@scripts/soak $(SOAK)

package: build
	@scripts/package

# Status 77 says that it cannot run here; the script has said why.
node: build
	@scripts/test-node-systemd || [ $$? -eq 77 ]

tidy:
	@python3 tests/tidy/tidy.py .

format:
	@git ls-files '*.h' '*.cc' | xargs "$$(command -v clang-format-19 || echo clang-format)" -i

SANITIZE ?= address
sanitize:
	@scripts/install-deps
	@BUILD_DIR=build/sanitize-$(SANITIZE) scripts/build -DSANITIZE=$(SANITIZE)
	@BUILD_DIR=build/sanitize-$(SANITIZE) scripts/test

# Status 77 says that it was skipped; the script has said why.
conformance: build
	@scripts/conformance --table docs/conformance.md || [ $$? -eq 77 ]

model:
	@scripts/install-deps
	@scripts/model

coverage:
	@scripts/coverage $(COVERAGE)

mutants: build
	@scripts/mutants $(MUTANTS)

clean:
	rm -rf build
