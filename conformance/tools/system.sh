#!/bin/sh
# Find or install the programs that tests use: system.sh PROGRAM=PACKAGE[+PACKAGE…] …
# As root with apt they are installed; otherwise it says plainly which are missing and what is then left out.
set -u
missing=
packages=
for pair in "$@"; do
  program=${pair%%=*}
  if ! PATH="$PATH:/usr/sbin:/usr/lib/rabbitmq/bin" command -v "$program" >/dev/null 2>&1; then
    missing="$missing $program"
    packages="$packages $(echo "${pair#*=}" | tr '+' ' ')"
  fi
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing$packages"
  # A package's service must not start: the tests bring private servers of their own.
  policy=/usr/sbin/policy-rc.d
  [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1; }
  apt-get update -qq >/dev/null 2>&1 || true
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null 2>&1 ||
    echo "apt could not install:$packages"
  [ -z "${made:-}" ] || rm -f "$policy"
fi
for program in $missing; do
  PATH="$PATH:/usr/sbin:/usr/lib/rabbitmq/bin" command -v "$program" >/dev/null 2>&1 ||
    echo "left out: tests that need $program (not on this machine, and it could not be installed)"
done
