# lint.sh - what every lint shares; to be sourced. A lint is a function that is given the root of a
# tree, prints what is wrong in it and fails if anything is. Before it sees the real tree it must
# refuse bad samples and pass a good one, because a lint that cannot fail proves nothing.
# Only files that git tracks are looked at, so build folders and leftovers do not matter.
set -u
export LC_ALL=C.UTF-8
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE # set inside a git hook, and then for another tree

lint_root=${SNAPFERRY_SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
lint_temp=$(mktemp -d "${TMPDIR:-/tmp}/snapferry-lint.XXXXXX")
trap 'rm -rf "$lint_temp"' EXIT
lint_status=0

# lint_files ROOT PATHSPEC... : tracked files that exist, one a line
lint_files() {
    local root=$1 file
    shift
    git -c safe.directory='*' -C "$root" ls-files -- "$@" | while IFS= read -r file; do
        [ -f "$root/$file" ] && printf '%s\n' "$file"
    done
}

# lint_deny ROOT REGEX REASON FILE... : fails where the code of a file, without its comments and
# strings, matches
lint_deny() {
    local root=$1 regex=$2 reason=$3
    shift 3
    [ $# -gt 0 ] || return 0
    (cd "$root" && regex=$regex reason=$reason perl -0777 -ne '
        s{/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\x27(?:\\.|[^\x27\\\n])+\x27}
         { my $t = $&; $t =~ /^["\x27]/ ? "\"\"" : " " . ($t =~ s/[^\n]//gr) }gsex;
        my $number = 0;
        for my $line (split /\n/) {
            $number++;
            next unless $line =~ /$ENV{regex}/;
            print "$ARGV:$number:$line  <- $ENV{reason}\n";
            $failed = 1;
        }
        END { exit($failed ? 1 : 0) }' "$@")
}

# lint_sample NAME [FILE CONTENT]... : makes a tracked tree of these files; prints its root
lint_sample() {
    local root="$lint_temp/$1"
    shift
    mkdir -p "$root" && git init -q "$root" || exit 1
    while [ $# -ge 2 ]; do
        mkdir -p "$root/$(dirname "$1")" && printf '%s\n' "$2" >"$root/$1"
        shift 2
    done
    git -C "$root" add -A
    printf '%s\n' "$root"
}

# lint_must_refuse CHECK NAME [FILE CONTENT]... / lint_must_pass ... : the proof that a lint works
lint_must_refuse() {
    local check=$1 root
    shift
    root=$(lint_sample "$@") || exit 1
    if "$check" "$root" >"$lint_temp/out" 2>&1; then
        echo "self-test: $check did not refuse the sample '$1'"
        lint_status=1
    fi
}

lint_must_pass() {
    local check=$1 root
    shift
    root=$(lint_sample "$@") || exit 1
    if ! "$check" "$root" >"$lint_temp/out" 2>&1; then
        echo "self-test: $check refused the good sample '$1':"
        cat "$lint_temp/out"
        lint_status=1
    fi
}

# lint_end CHECK : the real tree, then the exit status
lint_end() {
    if [ -z "$(lint_files "$lint_root" CMakeLists.txt)" ]; then
        echo "$lint_root is not the root of a git checkout of this project"
        exit 1
    fi
    "$1" "$lint_root" || lint_status=1
    exit $lint_status
}

# lint_needs PROGRAM : skips the lint (exit 77, which CTest shows as skipped) without it
lint_needs() {
    command -v "$1" >/dev/null && return
    echo "skipped: $1 is not installed"
    exit 77
}
