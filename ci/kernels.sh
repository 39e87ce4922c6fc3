#!/bin/sh
# Tests kernels in any CI: sh ci/kernels.sh KERNEL… [arguments of "./stp kernel test"]
# Results, and the console, recording and trace of what failed, go into results/ (or $STP_RESULTS) below the current directory;
# results of an earlier run there are replaced. Exit: 0 fine, 1 a test failed, 2 the environment did.
# --key KERNEL prints, as NAME=VALUE, what a cache of ~/.cache/stp is kept under: "kernel" changes with how that kernel is made, "key"
# also each week, because Debian's kernels move, and with the runtime.
# --renew removes Debian's kernels of earlier weeks from the cache: a kernel that is there is tested as it is, so without this an old
# one goes from each cache into the next.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

usage() {
	echo "Cannot tell what to do: sh ci/kernels.sh KERNEL… | --key KERNEL | --renew" >&2
	exit 2
}

sum() {
	cat "$@" | sha256sum | cut -c 1-16
}

case "${1:-}" in
--key)
	[ $# = 2 ] && [ -n "$2" ] || usage
	cd "$root"
	kernel=stp-$(echo "$2" | tr -c 'A-Za-z0-9.\n-' '_')-$(sum kernel-harness/fetch.ts kernel-harness/kernels.ts kernel-harness/sanitizers/build.ts kernel-harness/sanitizers/*.config)
	echo "kernel=$kernel"
	echo "key=$kernel-$(date +%G-%V)-$(sum package-lock.json runtime-c/src/* runtime-c/port/kernel/*)"
	exit
	;;
--renew)
	[ $# = 1 ] || usage
	cache=${STP_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/stp}
	for release in "$cache"/kernel/debian-*/release; do # the file that is written last
		[ -e "$release" ] || continue
		[ "$(date -r "$release" +%G-%V)" = "$(date +%G-%V)" ] || rm -rf "${release%/release}"
	done
	exit
	;;
esac

results=${STP_RESULTS:-results}
[ ! -e "$results/results.json" ] || rm -rf "$results"
sh "$root/ci/setup.sh" --kernels || exit 2
exec "$root/stp" kernel test --results "$results" "$@"
