#!/bin/sh
# Make a virtual environment. Debian's python3 may lack ensurepip; as root the package that brings it is installed.
set -eu
target=$1
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "celery-wire needs Python 3.11 or later; $python is $("$python" -V 2>&1). Set PYTHON to a newer one." >&2
  exit 3
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing python3-venv"
    apt-get update -qq >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
  else
    echo "celery-wire needs Python's venv module: install python3-venv (apt install python3-venv) as root." >&2
    exit 3
  fi
fi
rm -rf "$target"
"$python" -m venv "$target"
