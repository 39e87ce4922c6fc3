#!/bin/sh
# Sets up and runs all tests, those in guest kernels too. In CI a skipped kernel test is a failure.
set -u
cd "$(dirname "$0")/.."
guests=yes
sh ci/setup.sh || {
	[ $? = 3 ] || exit 1
	guests=no
}
if [ $guests = no ] && [ -n "${CI:-}" ]; then
	echo "kernel tests cannot run here, and in CI that is a failure" >&2
	exit 1
fi
exec node --import tsx ci/test.ts --guests=$guests
