#!/bin/sh
# Makes the Go package orleansfeatures/pb of the protos: generate.sh [FOLDER], by default beside this file. Needs protoc, protoc-gen-go and protoc-gen-go-grpc on the path.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
protos=$here/../../protos
out=${1:-$here}
options=module=orleansfeatures
cd "$protos"
for file in orleansfeatures/v1/*.proto; do
  options=$options,M$file=orleansfeatures/pb
done
exec protoc -I . --go_out="$out" --go_opt="$options" --go-grpc_out="$out" --go-grpc_opt="$options" orleansfeatures/v1/*.proto
