#!/bin/sh
# The developer's gate: everything that needs no guest.
cd "$(dirname "$0")/.." && ./stp --help >/dev/null && exec node --import tsx ci/test.ts --guests=never
