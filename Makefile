# SPDX-License-Identifier: Apache-2.0
# A thin front: Meson and Ninja build, the scripts in tools/ do the rest.
PREFIX ?= /usr/local

all: build/build.ninja
	@ninja -C build --quiet doorstep

build/build.ninja:
	@tools/setup
	@meson setup build --prefix=$(PREFIX) >/dev/null || { meson setup build; exit 1; }

test: ; @tools/test
tidy: ; @tools/tidy
stress: ; @tools/stress $(PARTS)
demo: all ; @tools/demo
bench: all ; @if [ -x bench/run ]; then bench/run; else echo 'There are no benchmarks yet.'; fi
install: all ; @meson install -C build --no-rebuild
clean: ; @rm -rf build

.PHONY: all test tidy stress demo bench install clean
