#!/usr/bin/env bash
# Every verb of regiond's dispatch table has a row in tests/regiond_verbs.md, and every row names a
# test that exists: FILE, or FILE:WORD with WORD in the file.
set -u
cd "$SNAPFERRY_SOURCE_DIR" || exit 1
table=tests/regiond_verbs.md
fail=0
complain() { echo "$1"; fail=1; }

verbs=$("$REGIOND_BIN" --verbs) || complain "regiond --verbs failed"
[ -n "$verbs" ] || complain "regiond --verbs printed nothing"
while IFS= read -r verb; do
    grep -qF "| $verb |" "$table" || complain "$table has no row for: $verb"
done <<<"$verbs"

rows=0
while IFS='|' read -r _ verb tests _; do
    verb=$(echo "$verb" | xargs)
    grep -qxF "$verb" <<<"$verbs" || complain "$table names a verb regiond does not have: $verb"
    for test in $tests; do
        file=${test%%:*}
        word=${test#*:}
        rows=$((rows + 1))
        if [ ! -f "$file" ]; then
            complain "$verb: no such test file: $file"
        elif [ "$word" != "$test" ] && ! grep -qF -- "$word" "$file"; then
            complain "$verb: $file has no test $word"
        fi
    done
    [ -n "$(echo "$tests" | xargs)" ] || complain "$verb: no test is named"
done < <(grep -E '^\| (GET|HEAD|PUT|DELETE) ' "$table")
[ "$rows" -gt 0 ] || complain "$table has no rows"
exit $fail
