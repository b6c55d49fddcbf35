# Prints the full name of every test in C# files: those of the classes that are given, and those that they inherit from abstract classes among the same files.
# Usage: awk -v wanted=NAMESPACE -f list-tests.awk FILE...
/^namespace / { namespace = $2; sub(/;.*/, "", namespace) }
match($0, /(class) +[A-Za-z0-9_]+/) {
  split(substr($0, RSTART, RLENGTH), word, / +/)
  class = word[2]
  home[class] = namespace
  if ($0 ~ /abstract/) abstract[class] = 1
  rest = substr($0, RSTART + RLENGTH)
  if (match(rest, /: *[A-Za-z0-9_]+/)) { base = substr(rest, RSTART, RLENGTH); sub(/: */, "", base); parent[class] = base }
}
/\[(Fact|Theory)/ { pending = 1 }
pending && match($0, /public (virtual |override |async |Task |ValueTask |void )+[A-Za-z0-9_]+\(/) {
  name = substr($0, RSTART, RLENGTH - 1)
  sub(/.* /, "", name)
  tests[class] = tests[class] name "\n"
  pending = 0
}
END {
  for (class in home) {
    if ((class in abstract) || index(home[class], wanted) != 1) continue
    for (from = class; from in home; from = parent[from]) {
      count = split(tests[from], names, "\n")
      for (i = 1; i < count; i++) print home[class] "." class "." names[i]
      if (!(from in parent)) break
    }
  }
}
