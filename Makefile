# The one front door: `make help` lists what it does. Everything works from a fresh clone on a
# machine with Rust, a C compiler and apt.

# Both programs are static. The target is named so that these flags reach them and not the
# compiler's own plug-ins, and every command shares the flags, so that nothing is built twice.
TARGET := $(shell rustc -vV | sed -n 's/^host: //p')
export CARGO_BUILD_TARGET := $(TARGET)
export RUSTFLAGS := -C target-feature=+crt-static
PROGRAMS := $(or $(CARGO_TARGET_DIR),target)/$(TARGET)/release

# How long `make run` lets the container run, in seconds.
RUN_SECONDS ?= 8

.PHONY: help build run test bench clean

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

build: ## build dist/devenv-init and dist/devenv-container
	cargo build --release --locked -p devenv-init -p devenv-container
	@mkdir -p dist
	install -m 755 $(PROGRAMS)/devenv-init $(PROGRAMS)/devenv-container dist/

# The image is built first, so that the seconds count for the container alone. 124 is the end of the
# time, 130 is Ctrl-C: both mean that it ran.
run: ## set up what is missing, build, and run examples/hello for RUN_SECONDS or until Ctrl-C
	@.ci/setup run
	@$(MAKE) --no-print-directory build
	@dist/devenv-container -C examples/hello build processes
	@timeout --foreground --signal=INT --kill-after=20 $(RUN_SECONDS) \
		dist/devenv-container -C examples/hello run processes; \
	status=$$?; case $$status in 124|130) exit 0;; *) exit $$status;; esac

test: ## set up what is missing, build, and check everything
	@.ci/setup test
	@$(MAKE) --no-print-directory build
	@.ci/test

bench: ## measure speed and memory beside a peer or a limit; wants a quiet machine
	@.ci/setup test
	@$(MAKE) --no-print-directory build
	@cargo run --quiet --release --locked -p devenv-tests --bin bench

clean: ## remove what the others made
	cargo clean
	rm -rf dist .setup
