# CityCode. Every target installs what it needs first and says so.
#   make run       build, make a throw-away world of two regions, play the story, stay up
#   make up        the same world in the background; variables for shells in .run/env
#   make down      end that world
#   make test      everything: unit, conformance and end-to-end tests
#   make check     before every commit: format, warnings, fast tests
#   make e2e       the end-to-end tests alone
#   make counts    instructions, allocations and system calls of one scan
#   make torture   the tests about crashes and floods at their full length
#   make bench     measure against the peers: table and report; QUICK=1 in three minutes
#   make image     the containers' images, by Debian's tools: no engine, no registry
#   make image-test  run a world from those images, talk to it, end it
#   make deploy-check  every file under deploy/ by the tool of its kind
#   make monitoring-live  dashboard and rules against Prometheus on a running world
#   make fmt       put the sources into their format
# PEOPLE=34000000 sets the size of the first region, SEED=2 picks other people.

SHELL := /bin/bash
PEOPLE ?= 10000
SEED ?= 1
DEMO := .build/release/demo
SOURCES := Package.swift Services Shared Tests bench deploy
# All tests are written with Swift Testing. The end-to-end tests run alone: they watch clocks.
SWIFT_TEST := swift test --disable-xctest
# With Swift's runtime inside, as in the images: a scan is a twentieth faster than with its library.
RELEASE_BUILD := swift build -c release --static-swift-stdlib
# Real processes, floods and crashes: minutes, not seconds.
SLOW := EndToEndTests|ConformanceTests|BenchmarkTests

.PHONY: help run up down test check counts e2e torture bench suite-test fmt build
.PHONY: dependencies test-dependencies image image-test deploy-check monitoring-live

help:
	@sed -n '/^# /s/^# \{0,1\}//p; /^$$/q' Makefile

run: build
	@exec $(DEMO) run --people $(PEOPLE) --seed $(SEED)

up: build
	@exec $(DEMO) up --people $(PEOPLE) --seed $(SEED)

down:
	@if [ -x $(DEMO) ]; then exec $(DEMO) down; else echo "No world was ever up here."; fi

# What keeps time comes after the rest, not beside it.
test: test-dependencies suite-test deploy-check
	$(SWIFT_TEST) --skip '$(SLOW)'
	$(SWIFT_TEST) --skip-build --filter ConformanceTests --skip 'SiegeTests|TimerTests'
	$(SWIFT_TEST) --skip-build --filter TimerTests
	$(SWIFT_TEST) --skip-build --filter SiegeTests
	$(SWIFT_TEST) --skip-build --filter EndToEndTests
	$(RELEASE_BUILD)
	deploy/monitoring/live.sh
	$(SWIFT_TEST) --skip-build --filter ThresholdTests
	$(SWIFT_TEST) --skip-build --filter OverloadTests

check: test-dependencies
	swift format lint --strict --parallel --recursive $(SOURCES)
	swift build --build-tests
	$(SWIFT_TEST) --skip-build --skip '$(SLOW)'

counts: test-dependencies build
	bench/counts

e2e: test-dependencies
	$(SWIFT_TEST) --filter EndToEndTests

# The parts of bench/run that decide and draw.
suite-test: test-dependencies
	python3 -m unittest discover -s bench/suite -t bench 2>&1 | tail -n 30; exit $${PIPESTATUS[0]}
	python3 -m unittest discover -s bench/bulk -t bench 2>&1 | tail -n 30; exit $${PIPESTATUS[0]}

bench: test-dependencies
	@exec bench/run $(if $(QUICK),--quick) $(BENCH)

torture: test-dependencies
	CITYCODE_TORTURE=1 $(SWIFT_TEST) --filter 'CrashTests|ConformanceTests|BitRotTests|SystemCallTests'

image: dependencies
	@exec deploy/image/build.sh $(if $(ARCHIVE),--archive)

image-test: image
	@exec deploy/image/test.sh $(if $(WITH),--with $(WITH))

deploy-check:
	@exec deploy/check.sh

monitoring-live: build
	@exec deploy/monitoring/live.sh

fmt:
	swift format --in-place --parallel --recursive $(SOURCES)

build: dependencies
	$(RELEASE_BUILD)

dependencies:
	@deploy/install-dependencies.sh
test-dependencies:
	@deploy/install-dependencies.sh --tests
