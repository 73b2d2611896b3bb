# session.sh BEFORE ID…: BEFORE commands that do nothing, then each line; for each `LINE id code`, and its last words.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/env"
n=0
while [ $n -lt "$1" ]; do
    /bin/true
    n=$((n + 1))
done
shift
# Found once for many lines: what a version manager puts there is a script, and slow.
python3=python3
[ $# -lt 3 ] || python3=$(python3 -c 'import sys; print(sys.executable)' || echo python3)
for id in "$@"; do
    at=$(mktemp -d "$WORK/at-$id.XXXXXX")
    . "$here/lines/$id.conf"
    case $kind in
        sh) set_off="sh" ;;
        py) set_off="$python3 $here/k.py" ;;
        proxy) set_off="$python3 $here/proxy.py" ;;
    esac
    (cd "$at" && PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 exec timeout -k 2 "$seconds" $set_off "$here/lines/$id.$kind") > "$at.said" 2>&1 < /dev/null
    code=$?
    printf 'LINE %s %s\nSAID %s\n' "$id" "$code" "$(tail -c 300 "$at.said" | tr -c '[:print:]' ' ')"
    chmod -R u+rwX "$at" 2> /dev/null
    rm -rf "$at" "$at.said"
done
