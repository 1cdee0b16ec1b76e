# The Makefile's lists and the folders agree: a test, an object or a SQL part
# that nobody lists is not run or not built, and nobody notices.
. scripts/common.sh
status=0
agree() { # what, the list, the files
    local difference
    difference=$(diff <(tr ' ' '\n' <<<"$2" | grep . | LC_ALL=C sort) <(LC_ALL=C sort <<<"$3" | grep .)) || {
        echo "$1: the Makefile's list (<) and the files (>) differ"
        echo "$difference"
        status=1
    }
}
names() { # folder, suffix
    find "$1" -maxdepth 1 -name "*$2" -printf '%f\n' 2>/dev/null | sed "s/\\$2\$//"
}
regress=$(make -s print-REGRESS)
isolation=$(make -s print-ISOLATION)
agree REGRESS "$regress" "$(names test/sql .sql)"
agree ISOLATION "$isolation" "$(names test/specs .spec)"
agree "expected/" "$regress $isolation" "$(names expected .out)"
agree SQL_PARTS "$(make -s print-SQL_PARTS)" "$(find sql -name '*.sql' -not -path 'sql/updates/*')"
agree OBJS "$(echo "$(make -s print-OBJS) $(make -s print-VERIFY) src/verify/main.o" | sed 's/\.o\>/.c/g; s,src/infer/onnx.pb-c.c,,')" "$(project_files -path './src/*.c')"
if [ "$(readlink test/expected)" != ../expected ]; then
    echo "test/expected must be a link to ../expected: pg_isolation_regress looks there"
    status=1
fi
exit "$status"
