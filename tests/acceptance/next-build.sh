#!/usr/bin/env bash
# Makes the silo's "next" build, for rolling upgrades: this tree's sources with next-build.patch, in a folder of their own. The patch is what a next release may do: raise the version of the grain interfaces, add a member
# to a message between silos, and write a section of entities' states that this build does not know. Prints the folder of the built program, for cluster.py chaos --next.
#   next-build.sh FOLDER [arguments of dotnet build]
set -eu -o pipefail
folder=${1:?usage: next-build.sh FOLDER [arguments of dotnet build]}; shift
cd "$(dirname "$0")/../.."
mkdir -p "$folder" && folder=$(cd "$folder" && pwd)
git ls-files -z -- src protos definitions Directory.Build.props Directory.Packages.props global.json | xargs -0 cp --parents -t "$folder"
patch -d "$folder" -p1 --quiet --forward <tests/acceptance/next-build.patch
cd "$folder"
dotnet build src/OrleansFeatures.Silo -p:Cluster=true -v q --nologo "$@" >&2
echo "$folder/artifacts/cluster/bin/OrleansFeatures.Silo/debug"
