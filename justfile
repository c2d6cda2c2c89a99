# Recipes for developers. `just` is .venv/bin/just.
export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

# everything that needs no Docker, in under a minute
check:
    ruff check -q .
    ruff format -q --check .
    mypy
    lint-imports --no-cache
    python -m portal.translation --check
    cd extensions/release-requests && npx --no tsc --noEmit && npx --no vitest run --silent

# what a machine can mend
fix:
    ruff check -q --fix .
    ruff format -q .

# the fast tests
test-fast *args:
    pytest -m 'not docker' {{ args }}

# the stack and everything that walks through it
test-docker *args:
    pytest -m docker {{ args }}

# what is too heavy for every build; each leaves its result in docs/results/
drill *args:
    DRILL=1 python -m pytest -p no:cacheprovider tests/drills {{ args }}

# collect messages and update the Danish catalogue
translations:
    python -m portal.translation --update
