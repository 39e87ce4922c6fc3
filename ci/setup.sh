#!/bin/sh
# Installs what the tests need: the packages of package-lock.json, and Debian's QEMU and compilers. sh ci/setup.sh [--kernels]
# --kernels: only what the tests of kernels need. Exit 0 when all is there, 3 when Debian packages are missing and cannot be
# installed here.
set -eu
cd "$(dirname "$0")/.."

# The keyring: machines that are not Debian check Debian's kernels with it.
packages="qemu-system-x86 gcc gcc-12 make libc6-dev libelf1 binutils xz-utils debian-archive-keyring"
[ "${1:-}" = --kernels ] || packages="$packages cpio clang-14 libclang-rt-14-dev"

./stp --help >/dev/null

is_here() {
	dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok'
}

missing=""
for package in $packages; do
	# Newer releases call a library with 64-bit times by another name.
	is_here "$package" || is_here "${package}t64" || missing="$missing $package"
done

if [ -n "$missing" ]; then
	as_root=""
	if [ "$(id -u)" != 0 ]; then
		as_root="sudo -n"
		if ! sudo -n true 2>/dev/null; then
			echo "Kernel tests need: sudo apt-get install --no-install-recommends$missing" >&2
			exit 3
		fi
	fi
	echo "installing$missing"
	$as_root apt-get update -qq
	# By env, because sudo drops variables.
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
echo "all is here"
