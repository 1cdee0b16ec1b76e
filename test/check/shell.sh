# Scripts parse and pass shellcheck; what it gets wrong is disabled at the
# line, with the reason. Not asked for: following a sourced file (SC1091), and
# `cd x || exit` (SC2164), since common.sh says set -e.
. scripts/common.sh
status=0
while read -r script; do
    bash -n "$script" || status=1
    shellcheck --shell=bash --exclude=SC1091,SC2164 "$script" || status=1
done < <(project_files -name '*.sh')
sh -n .ci/run || status=1
exit "$status"
