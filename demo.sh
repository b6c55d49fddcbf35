#!/bin/sh
# Builds the store and runs its demo: simulated card fraud, streamed into a real server on a temporary directory.
# Arguments go to the demo: ./demo.sh --seconds 10 --rate 50000 (see ./demo.sh --help).
set -eu
cd "$(dirname "$0")"

need=10
if ! command -v dotnet >/dev/null 2>&1; then
  echo "demo.sh: the .NET $need SDK is needed and 'dotnet' is not on the PATH." >&2
  echo "  Debian or Ubuntu:  sudo apt-get install dotnet-sdk-$need.0" >&2
  echo "  elsewhere:         https://dotnet.microsoft.com/download" >&2
  exit 2
fi
if ! dotnet --list-sdks | grep -q "^$need\."; then
  echo "demo.sh: the .NET $need SDK is needed; found: $(dotnet --list-sdks | cut -d' ' -f1 | tr '\n' ' ')" >&2
  echo "  Debian or Ubuntu:  sudo apt-get install dotnet-sdk-$need.0" >&2
  exit 2
fi

# The store keeps its metadata in the system's SQLite.
if command -v ldconfig >/dev/null 2>&1 && ! ldconfig -p | grep -q 'libsqlite3\.so\.0'; then
  echo "installing libsqlite3-0 ..." >&2
  sudo=""
  [ "$(id -u)" -eq 0 ] || sudo=sudo
  if ! { command -v apt-get && $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends libsqlite3-0; } >/dev/null 2>&1; then
    echo "demo.sh: libsqlite3.so.0 is missing and could not be installed; install SQLite 3 (Debian: libsqlite3-0) and run this again" >&2
    exit 2
  fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "building (the first time takes a minute or two) ..." >&2
if ! dotnet build src/OrleansFeatures.Server -c Release -v q --nologo >"$log" 2>&1; then
  cat "$log" >&2
  echo "demo.sh: the build failed" >&2
  exit 1
fi

rm -f "$log"
trap - EXIT
exec artifacts/bin/OrleansFeatures.Server/release/orleans-features demo "$@"
