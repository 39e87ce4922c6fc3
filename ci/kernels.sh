#!/bin/sh
# Tests kernels in any CI: sh ci/kernels.sh KERNEL… [arguments of "./stp kernel test"]
# Results, and the console, recording and trace of what failed, go into the new directory results/ (or $STP_RESULTS). Exit: 0 fine,
# 1 a test failed, 2 the environment did.
# --key KERNEL prints, as NAME=VALUE, what a cache of ~/.cache/stp is kept under: "kernel" changes with how that kernel is made, "key"
# also each week, because Debian's kernels move, and with the runtime.
set -eu
cd "$(dirname "$0")/.."

if [ "${1:-}" = --key ]; then
	kernel=stp-$(echo "$2" | tr -c 'A-Za-z0-9.\n-' '_')-$(cat kernel-harness/fetch.ts kernel-harness/kernels.ts kernel-harness/sanitizers/*.config | sha256sum | cut -c 1-16)
	echo "kernel=$kernel"
	echo "key=$kernel-$(date +%G-%V)-$(cat package-lock.json runtime-c/src/* runtime-c/port/kernel/* | sha256sum | cut -c 1-16)"
	exit
fi

sh ci/setup.sh || exit 2
exec ./stp kernel test --results "${STP_RESULTS:-results}" "$@"
