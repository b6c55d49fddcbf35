#!/usr/bin/env bash
# A cluster on this machine: builds the silo, starts PostgreSQL, Redis and three silos on the loopback interface, and says where to look. Ctrl-C stops all of it, in order.
#   ./cluster.sh                   a store that is gone afterwards
#   ./cluster.sh --data DIR        a store that stays in DIR
#   ./cluster.sh --silos 5         more or fewer than three
# Whatever follows goes to every silo (see orleans-features-silo serve --help), for example --memory-budget 1GB.
set -u -o pipefail
cd "$(dirname "$0")"

silos=3 data='' keep=no
while [ $# -gt 0 ]; do
  case $1 in
    --data) data=${2:?--data needs a folder}; keep=yes; shift 2 ;;
    --silos) silos=${2:?--silos needs a number}; shift 2 ;;
    --help | -h) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) break ;;
  esac
done

say() { printf '%s\n' "$*" >&2; }
fail() { say "cluster.sh: $*"; exit 1; }
case $silos in '' | *[!0-9]* | 0) fail "--silos $silos: expected a number of silos, 1 or more" ;; esac

# What it takes: the SDK, PostgreSQL's programs (Debian keeps them off the path) and Redis.
command -v dotnet >/dev/null && dotnet --list-sdks | grep -q '^10\.' || fail "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download"
postgres=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$postgres" ] || postgres=$(dirname "$(command -v initdb || echo /none/initdb)")
[ -x "$postgres/initdb" ] || fail "PostgreSQL is missing (Debian: apt-get install postgresql)"
command -v redis-server >/dev/null || fail "Redis is missing (Debian: apt-get install redis-server)"

log=$(mktemp)
say "building (the first time takes a minute or two) ..."
if ! dotnet build src/OrleansFeatures.Silo -c Release -p:Cluster=true -v q --nologo >"$log" 2>&1; then
  grep -E 'error' "$log" | sort -u | head -5 >&2
  rm -f "$log"
  say "cluster.sh: the silo could not be built. NU1101 or NU1102 above: Orleans's packages do not restore from your package sources (dotnet nuget list source); the public one has them."
  exit 1
fi
rm -f "$log"
silo=artifacts/cluster/bin/OrleansFeatures.Silo/release/orleans-features-silo

[ -n "$data" ] || data=$(mktemp -d "${TMPDIR:-/tmp}/orleans-features-cluster.XXXXXX")
mkdir -p "$data/postgres" "$data/logs" && data=$(cd "$data" && pwd) || fail "$data cannot be used"
pids=() names=()

# PostgreSQL does not run as root: then it, and only it, runs as a user without rights.
as=()
if [ "$(id -u)" -eq 0 ]; then
  for user in postgres nobody; do id "$user" >/dev/null 2>&1 && break; done
  command -v setpriv >/dev/null || fail "setpriv is missing, and PostgreSQL does not run as root: start this as another user"
  chown "$user" "$data/postgres" && chmod 711 "$data" || fail "$data/postgres cannot be given to $user"
  as=(setpriv --reuid "$user" --regid "$(id -gn "$user")" --clear-groups)
fi

# Silos leave one after the other, so that each hands its partitions on; then what they stood on.
stop() {
  trap '' INT TERM
  local i
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill -0 "${pids[i]}" 2>/dev/null || continue
    say "stopping ${names[i]}"
    case ${names[i]} in postgres) kill -INT "${pids[i]}" ;; *) kill -TERM "${pids[i]}" ;; esac
    wait "${pids[i]}" 2>/dev/null
  done
  [ "$keep" = yes ] && say "the store is in $data" || rm -rf "$data"
}
trap 'exit 130' INT TERM
trap stop EXIT

# In a session of its own, so that Ctrl-C reaches only this script, which ends them in order.
start() {
  local name=$1; shift
  setsid "$@" >"$data/logs/$name.out" 2>"$data/logs/$name.log" &
  pids+=("$!") names+=("$name")
}

free_port() { # from $1 on
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}

pg=$(free_port 25432) redis=$(free_port 26379)
if [ ! -s "$data/postgres/PG_VERSION" ]; then
  "${as[@]}" "$postgres/initdb" -D "$data/postgres" -A trust -U features -E UTF8 --locale=C >"$data/logs/initdb.log" 2>&1 || { cat "$data/logs/initdb.log" >&2; fail "PostgreSQL's files could not be made"; }
fi
start postgres "${as[@]}" "$postgres/postgres" -D "$data/postgres" -p "$pg" -h 127.0.0.1 -c unix_socket_directories= -c max_connections=300 -c shared_buffers=256MB
start redis redis-server --port "$redis" --bind 127.0.0.1 --save '' --appendonly no --dir "$data"
until "$postgres/pg_isready" -q -h 127.0.0.1 -p "$pg"; do kill -0 "${pids[0]}" 2>/dev/null || { cat "$data/logs/postgres.log" >&2; fail "PostgreSQL did not start"; }; sleep 0.2; done
until redis-cli -p "$redis" ping >/dev/null 2>&1; do kill -0 "${pids[1]}" 2>/dev/null || { cat "$data/logs/redis.out" >&2; fail "Redis did not start"; }; sleep 0.2; done

export ORLEANS_FEATURES_POSTGRES="Host=127.0.0.1;Port=$pg;Username=features;Database=postgres" ORLEANS_FEATURES_REDIS="127.0.0.1:$redis" ORLEANS_FEATURES_CLUSTER_ID="laptop-$redis"
for ((n = 1; n <= silos; n++)); do
  start "silo-$n" "$silo" serve --silo-name "silo-$n" --silo-port "$(free_port $((11110 + n)))" --grpc "$(free_port $((6564 + n)))" --http "$(free_port $((6579 + n)))" --definitions definitions/fraud "$@"
done

say "starting $silos silos; their logs are in $data/logs"
for ((n = 1; n <= silos; n++)); do
  until grep -q '^ready' "$data/logs/silo-$n.out"; do
    kill -0 "${pids[n + 1]}" 2>/dev/null || { cat "$data/logs/silo-$n.log" >&2; fail "silo-$n did not start"; }
    sleep 0.2
  done
  sed "s/^ready/silo-$n ready/" "$data/logs/silo-$n.out"
done

http=$(sed -n 's/^ready .*http=//p' "$data/logs/silo-1.out") grpc=$(sed -n 's/^ready .*grpc=\([^ ]*\).*/\1/p' "$data/logs/silo-1.out")
cat <<TEXT

  any silo answers for all of them:
    dashboard    $http/orleans
    the cluster  $silo status --server $http
    metrics      $http/metrics
    push         ${silo%-silo} push --server $grpc --stream transactions --file events.csv --map tx_id=event_id --map tx_time=event_time
    read         ${silo%-silo} get --server $grpc --service fraud --entity customer=596 --entity terminal=3156
  lose one:      kill -9 ${pids[3]:-${pids[2]}}
  Ctrl-C stops everything.

TEXT

# Until Ctrl-C; a silo that ends on its own is no reason to end the others.
while :; do sleep 3600 & wait $!; done
