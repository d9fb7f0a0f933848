# CityCode. Every target installs what it needs first and says so.
#   make run       build, make a throw-away world of two regions, play the story, stay up
#   make up        the same world in the background; variables for shells in .run/env
#   make down      end that world
#   make test      everything: unit, conformance and end-to-end tests
#   make check     before every commit: format, warnings, fast tests
#   make e2e       the end-to-end tests alone
#   make torture   the tests about crashes and floods at their full length
#   make fmt       put the sources into their format
# PEOPLE=34000000 sets the size of the first region, SEED=2 picks other people.

SHELL := /bin/bash
PEOPLE ?= 10000
SEED ?= 1
DEMO := .build/release/demo
SOURCES := Package.swift Services Shared Tests bench deploy
# All tests are written with Swift Testing. The end-to-end tests run alone: they watch clocks.
SWIFT_TEST := swift test --disable-xctest
# Real processes, floods and crashes: minutes, not seconds.
SLOW := EndToEndTests|ConformanceTests

.PHONY: help run up down test check e2e torture fmt build dependencies test-dependencies

help:
	@sed -n '/^# /s/^# \{0,1\}//p; /^$$/q' Makefile

run: build
	@exec $(DEMO) run --people $(PEOPLE) --seed $(SEED)

up: build
	@exec $(DEMO) up --people $(PEOPLE) --seed $(SEED)

down:
	@if [ -x $(DEMO) ]; then exec $(DEMO) down; else echo "No world was ever up here."; fi

# What keeps time comes after the rest, not beside it.
test: test-dependencies
	$(SWIFT_TEST) --skip '$(SLOW)'
	$(SWIFT_TEST) --skip-build --filter ConformanceTests --skip SiegeTests
	$(SWIFT_TEST) --skip-build --filter SiegeTests
	$(SWIFT_TEST) --skip-build --filter EndToEndTests

check: test-dependencies
	swift format lint --strict --parallel --recursive $(SOURCES)
	swift build --build-tests
	$(SWIFT_TEST) --skip-build --skip '$(SLOW)'

e2e: test-dependencies
	$(SWIFT_TEST) --filter EndToEndTests

torture: test-dependencies
	CITYCODE_TORTURE=1 $(SWIFT_TEST) --filter 'CrashTests|ConformanceTests'

fmt:
	swift format --in-place --parallel --recursive $(SOURCES)

build: dependencies
	swift build -c release

dependencies:
	@deploy/install-dependencies.sh
test-dependencies:
	@deploy/install-dependencies.sh --tests
