# Lockstep: the only makefile a user meets. `make` alone prints what it can do.
# Everything built stands below build/; nothing here knows a lab by name.

BUILD := build$(if $(SANITIZE),/sanitize)
GRADER := $(BUILD)/grader
LABS := $(sort $(notdir $(patsubst %/lab.yaml,%,$(wildcard labs/lab[0-9][0-9]_*/lab.yaml))))
LAB_IDS := $(foreach lab,$(LABS),$(firstword $(subst _, ,$(lab))))

CC := gcc
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Wstrict-prototypes
CFLAGS := -std=c17 -D_GNU_SOURCE -O2 -g $(WARNINGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)
# Asked for once, and only by goals that compile: pkg-config may not be there yet when set-up runs.
PACKAGES := libuv jansson libcyaml yaml-0.1 libxml-2.0 libelf libdw libseccomp libarchive sqlite3
GRADER_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))
GRADER_LIBS = $(shell pkg-config --libs $(PACKAGES)) -lunistring -pthread -lm

# What a call may say besides its goal: LAB= FILE= TEST= SEED= JSON= REQUIRE=
OPTIONS = $(if $(SEED),--seed '$(SEED)') $(if $(JSON),--json '$(JSON)') $(if $(REQUIRE),--require '$(REQUIRE)')
HANDIN = $(if $(FILE),'$(subst ','\'',$(FILE))')
# The lab a goal is about: LAB=..., or the one that the last `make labNN` was about.
CHOSEN = lab='$(LAB)'; \
	[ -n "$$lab" ] || lab=$$(cat build/.lab 2>/dev/null); \
	[ -n "$$lab" ] || { echo "which lab? say LAB=lab01, or run make lab01 first (make list names them)" >&2; exit 2; };

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
export COUNT BOUND
.PHONY: accuracy batch bench-batch student-kit watch explore explain replay test-explore bench-explore help list grade races solution keep reset clean test verdicts attacks bench doctor setup setup-test ready $(LAB_IDS)

help: ## this text
	@echo "Lockstep: concurrency labs in C that grade themselves"
	@echo
	@sed -n 's/^\([a-z][a-zA-Z -]*\):[^#]*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		awk -F'\t' '{ printf "  make %-13s %s\n", $$1, $$2 }'
	@echo "  make labNN         build one lab and run its tests (now: $(LAB_IDS)); TEST=name runs one of them"
	@echo
	@echo "  LAB=lab03 names another lab than the last one, FILE=path.c a file from elsewhere, JSON=out.json writes the report"
	@echo "  as JSON, SEED=N changes the inputs. What is missing on this machine is installed first; DEPS=skip turns that off."

list: ready ## the labs, one line each
	@$(GRADER) list

$(LAB_IDS): ready
	@$(GRADER) grade $@ $(HANDIN) --only build,tests $(if $(TEST),--test '$(TEST)') $(OPTIONS)
	@echo $@ > build/.lab

grade: ready ## grade the lab of the last make labNN: tests, schedules, races, speed-up, score
	@$(CHOSEN) $(GRADER) grade "$$lab" $(HANDIN) $(OPTIONS)

races: ready ## only look for data races
	@$(CHOSEN) $(GRADER) grade "$$lab" $(HANDIN) --only races $(OPTIONS)

watch: ready ## build and test each time you save; g grades in full, q ends
	@$(CHOSEN) $(GRADER) watch "$$lab" $(HANDIN)

solution: ready ## grade the reference solution instead of your file
	@$(CHOSEN) set -- solutions/$${lab}*/; [ -d "$$1" ] || { echo "no solution for '$$lab'" >&2; exit 2; }; \
		$(GRADER) grade "$$lab" "$$1" $(OPTIONS)

keep: ready ## build the programs of a lab and keep them in build/keep/labNN/bin, for gdb and valgrind
	@$(CHOSEN) id=$${lab%%_*}; rm -rf "build/keep/$$id"; mkdir -p build/keep; \
		$(GRADER) grade "$$lab" $(HANDIN) --only build --keep "build/keep/$$id"

reset: ## begin a lab again with the skeleton; asks first and keeps a copy of your file
	@$(CHOSEN) grader/reset.sh "$$lab"

doctor: ready ## what this machine has for grading, and what each lack costs
	@$(GRADER) doctor

bench: ready ## speed-ups of the reference solutions, beside the figures of the study notes
	@grader/bench.sh $(GRADER)

student-kit: ## the kit for students, without solutions and hidden tests: OUT=folder or OUT=kit.tar.gz
	@grader/student_kit.sh '$(OUT)'

# `make batch LAB=lab03 SUBMISSIONS=downloads/ [GRADEBOOK= ROSTER= JOBS= DUE= LATE= PICK= SEED= UNSAFE=1]`
batch: ready ## grade a class: LAB=lab03 SUBMISSIONS=downloads/ (GRADEBOOK= ROSTER= DUE= LATE= PICK= JOBS=)
	@$(CHOSEN) [ -n '$(SUBMISSIONS)' ] || { echo "which hand-ins? say SUBMISSIONS=downloads/" >&2; exit 2; }; \
		$(GRADER) batch "$$lab" --submissions '$(SUBMISSIONS)' --gradebook '$(or $(GRADEBOOK),class.sqlite)' \
		$(if $(ROSTER),--roster '$(ROSTER)') $(if $(JOBS),--jobs '$(JOBS)') $(if $(DUE),--due '$(DUE)') $(if $(LATE),--late '$(LATE)') \
		$(if $(PICK),--pick '$(PICK)') $(if $(SEED),--seed '$(SEED)') $(if $(UNSAFE),--unsafe-no-sandbox)

bench-batch: ready ## a batch beside the loop an instructor would write, on the same hand-ins (COUNT=60 LAB=lab01; 25 minutes)
	@grader/bench_batch.sh $(GRADER)

clean: ## delete everything that was built
	@rm -rf build

test: ready setup-test ## test Lockstep itself (about 10 minutes); SANITIZE=address,undefined checks our own code harder
	@$(MAKE) --no-print-directory -s $(BUILD)/tests/unit $(BUILD)/tests/expect $(BUILD)/tests/browse
	@BUILD=$(BUILD) SANITIZE=$(SANITIZE) grader/tests/run.sh

verdicts: ready ## test the verdicts on all specimens, not only those of make test (about 25 minutes)
	@$(MAKE) --no-print-directory -s $(BUILD)/tests/expect
	@BUILD=$(BUILD) grader/tests/verdicts.sh

accuracy: ready ## how far verdicts can be relied on: all specimens K=3 times, beside the tools alone (about an hour and a half); LAB= for one lab
	@$(MAKE) --no-print-directory -s $(BUILD)/tests/expect
	@BUILD=$(BUILD) K=$(or $(K),3) grader/tests/accuracy.sh $(LAB)

attacks: ready ## grade hostile hand-ins: none gains a point, none does harm (about a minute)
	@BUILD=$(BUILD) grader/tests/attacks.sh

# --- set-up: grader/packages.txt is the one list of what is needed ---

ready: setup
	@$(MAKE) --no-print-directory -s $(GRADER) $(BUILD)/supervise $(BUILD)/inside $(BUILD)/harness/libharness.a $(BUILD)/harness/test.o \
		$(BUILD)/harness/bench.o $(BUILD)/harness/lines.o $(BUILD)/harness/site $(EXPLORE_FILES)

setup:
	@DEPS='$(DEPS)' grader/setup.sh grade

setup-test: setup
	@DEPS='$(DEPS)' grader/setup.sh test

# --- the grader ---

GRADER_SOURCES := $(filter-out grader/supervise%.c grader/inside.c,$(wildcard grader/*.c grader/stages/*.c grader/explore/*.c grader/formats/*.c grader/batch/*.c))
GRADER_OBJECTS := $(GRADER_SOURCES:%.c=$(BUILD)/obj/%.o)
UNIT_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard grader/tests/test_*.c harness/tests/test_*.c))

$(GRADER): $(GRADER_OBJECTS)
	@echo "building the grader" >&2
	$(CC) $(CFLAGS) $^ -o $@ $(GRADER_LIBS)

# Started for each program: without the dynamic linker that takes less time.
STATIC := $(if $(SANITIZE),,-static)

$(BUILD)/supervise: $(addprefix $(BUILD)/obj/grader/,supervise.o supervise_child.o supervise_kept.o supervise_service.o process_tree.o cgroup.o cgroup_files.o cgroup_place.o)
	$(CC) $(CFLAGS) $(STATIC) $^ -o $@

# Without a sanitizer, which has no place in a sandbox.
$(BUILD)/inside: grader/inside.c grader/inside.h
	$(CC) $(filter-out -fsanitize=%,$(CFLAGS)) -static $< -o $@

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(GRADER_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/tests/unit: $(UNIT_OBJECTS) $(filter-out %/main.o,$(GRADER_OBJECTS)) $(BUILD)/harness/libharness.a $(BUILD)/harness/lines.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $^ -o $@ $(GRADER_LIBS) -lcriterion -lcurl -latomic

$(BUILD)/tests/expect: $(BUILD)/obj/grader/tests/expect.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $^ -o $@ -ljansson

$(BUILD)/tests/browse: $(BUILD)/obj/grader/tests/browse.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $^ -o $@ -ljansson

# --- the explorer's runtime (harness/explore/explore.h): linked into explored programs as one object that defines only
# what such a program calls, so that names of its own cannot meet those of the runtime ---

EXPLORE := $(BUILD)/harness/explore
EXPLORE_ENDS := harness/explore/first.c harness/explore/last.c harness/explore/scenario.c
EXPLORE_RUNTIME := $(filter-out $(EXPLORE_ENDS),$(wildcard harness/explore/*.c))
# The explored program is not position independent, and between fibers addresses of thread-local variables must not be remembered.
EXPLORE_CFLAGS := -std=c17 -D_GNU_SOURCE -O3 -g $(WARNINGS) -fno-pie -fno-stack-protector -ftls-model=local-exec
EXPLORE_FILES := $(EXPLORE)/libexplore.o $(EXPLORE_ENDS:harness/explore/%.c=$(EXPLORE)/%.o) $(EXPLORE)/libcurl.o

# FILE alone is a program; with LAB or SCENARIO, or without FILE, the lab's scenarios are meant, with FILE or with your own file.
explore: ready ## search schedules for bugs: of a lab's scenarios, SCENARIO= one of them; of a program, FILE=program.c; SECONDS=N
	@$(if $(LAB)$(SCENARIO)$(if $(FILE),,lab),$(CHOSEN) set -- --lab "$$lab" $(if $(SCENARIO),--scenario '$(SCENARIO)'),set --); \
		$(GRADER) explore $(if $(SECONDS),--seconds '$(SECONDS)') $(if $(JSON),--json '$(JSON)') "$$@" $(HANDIN)

replay: ready ## show a failing schedule again: SCHEDULE=scenario:token of a lab, or FILE=program.c SCHEDULE=token; GDB=1 in gdb
	@LAB='$(LAB)' SCHEDULE='$(SCHEDULE)' GDB='$(GDB)' grader/replay.sh $(GRADER) $(HANDIN)

test-explore: ready ## test the explorer on its small programs (about 2 minutes)
	@harness/explore/tests/run.sh $(GRADER)

bench-explore: ready ## schedules the explorer runs in a second, and how soon it finds what is wrong with each wrong specimen
	@grader/bench_explore.sh $(GRADER)

explain: ready ## what a kind of finding means and how to mend it: KIND=data-race; without KIND the list of them
	@$(GRADER) explain $(if $(KIND),'$(KIND)')

$(EXPLORE)/libexplore.o: $(EXPLORE_RUNTIME:harness/explore/%.c=$(EXPLORE)/%.o)
	ld -r -o $@ $^
	objcopy --wildcard --keep-global-symbol='x_*' --keep-global-symbol='__tsan_*' --keep-global-symbol=main $@

# Stand-ins for libraries belong to the explored program: instrumented, and their calls renamed (grader/explore/program.c).
EXPLORED_CFLAGS := -std=gnu17 -g -O0 $(WARNINGS) -fsanitize=thread -fno-pie -fno-builtin -fno-stack-protector -U_FORTIFY_SOURCE

$(EXPLORE)/libcurl.o: $(patsubst harness/explore/%.c,$(EXPLORE)/%.o,$(wildcard harness/explore/libcurl/*.c)) $(EXPLORE)/renaming
	ld -r -o $@ $(filter %.o,$^)
	objcopy --redefine-syms=$(EXPLORE)/renaming $@

$(EXPLORE)/renaming: harness/explore/symbols.def
	@mkdir -p $(@D)
	sed -n 's/^MODELLED(\(.*\))$$/\1 x_\1/p' $< > $@

$(EXPLORE)/libcurl/%.o: harness/explore/libcurl/%.c
	@mkdir -p $(@D)
	$(CC) $(EXPLORED_CFLAGS) -Iharness/explore -MMD -MP -c $< -o $@

$(EXPLORE)/%.o: harness/explore/%.c
	@mkdir -p $(@D)
	$(CC) $(EXPLORE_CFLAGS) -MMD -MP -c $< -o $@

# --- the harness: linked into lab programs, so never sanitized: a lab is timed and run under valgrind ---

SITE_SOURCES := $(wildcard harness/site_*.c)
HARNESS_SOURCES := $(filter-out harness/test.c harness/bench.c harness/lines.c $(SITE_SOURCES),$(wildcard harness/*.c))
HARNESS_CFLAGS := -std=c17 -D_GNU_SOURCE -O2 -g $(WARNINGS)

$(BUILD)/harness/libharness.a: $(HARNESS_SOURCES:harness/%.c=$(BUILD)/harness/%.o)
	rm -f $@
	ar rcs $@ $^

$(BUILD)/harness/%.o: harness/%.c
	@mkdir -p $(@D)
	$(CC) $(HARNESS_CFLAGS) -DBENCH_STUDENT=1 -MMD -MP -c $< -o $@

$(BUILD)/harness/site: $(SITE_SOURCES:harness/%.c=$(BUILD)/harness/%.o) $(BUILD)/harness/libharness.a
	$(CC) $(HARNESS_CFLAGS) $^ -o $@ $(shell pkg-config --libs libmicrohttpd libseccomp) -lm

-include $(wildcard $(BUILD)/harness/explore/*.d $(BUILD)/harness/explore/*/*.d $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d $(BUILD)/harness/*.d)
