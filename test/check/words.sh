# What must not be committed: paths of one machine, conflict markers, notes to
# oneself (an open end is an issue, not a comment). The patterns are written
# so that they do not match themselves.
. scripts/common.sh
status=0
forbidden() {
    local pattern=$1 why=$2
    if project_files | xargs -d '\n' grep -InE "$pattern"; then
        echo "$why"
        status=1
    fi
}
forbidden '/wor[k]/|/roo[t]/|/hom[e]/[a-z]' 'the path of one machine'
forbidden '^(<<<<<<[<]|>>>>>>[>])' 'a conflict marker'
forbidden '\b(TOD[O]|FIXM[E]|XX[X])\b' 'a note to oneself'
exit "$status"
