#!/bin/sh
# Installs what the tests need: the packages of package-lock.json, and Debian's QEMU and compilers.
# Exit 0 when all is there, 3 when Debian packages are missing and cannot be installed here.
set -eu
cd "$(dirname "$0")/.."

./stp --help >/dev/null

PACKAGES="qemu-system-x86 gcc gcc-12 make libc6-dev libelf1 cpio clang-14 libclang-rt-14-dev binutils"
missing=""
for package in $PACKAGES; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

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
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
