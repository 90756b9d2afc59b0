
umask 077
work=$(mktemp -d) || exit 2
prefix=qf-$(LC_ALL=C tr -dc a-z0-9 < /dev/urandom | head -c 4)-
: > "$work/created"

# The id of the main offering, if it is on the first page.
main_id() {
    curl -sS -H "authorization: Bearer $QONFORM_TOKEN" "$target/offerings?limit=100" | tr -d '\r\n' |
        grep -o '{[^{}]*}' | grep '"tag" *: *1 *[,}]' | sed 's/.*"id" *: *"\([^"]*\)".*/\1/' | head -n 1
}

# Restores the main offering and deletes created offerings.
finish() {
    code=$?
    if [ -n "${main:-}" ] && [ "$(main_id)" != "$main" ]; then
        curl -sS -o /dev/null -X POST -H "authorization: Bearer $QONFORM_TOKEN" "$target/offerings/$(encoded "$main")/set-main"
    fi
    while IFS= read -r id; do
        curl -sS -o /dev/null -X DELETE -H "authorization: Bearer $QONFORM_TOKEN" "$target/offerings/$(encoded "$id")"
    done < "$work/created"
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

created() { printf '%s\n' "$1" >> "$work/created"; }

cannot() { echo "qonform: $1" >&2; exit 2; }
passed() { echo "not reproduced: $(response "$last")"; exit 0; }
failed() { echo "BROKEN: $1"; exit 1; }
inspect() {
    for step in $(seq "$last"); do echo "--- $step"; cat "$work/$step"; echo; done
    echo "check the responses: $1"
    exit 2
}

[ -n "${QONFORM_TOKEN:-}" ] || cannot 'set QONFORM_TOKEN to the key of a project to run on'
main=$(main_id)

# send STEP RECORDED-STATUS ARGUMENTS…: sends a request and saves its response.
send() {
    last=$1 expected=$2
    shift 2
    curl -sS -i --path-as-is -o "$work/$last" "$@" "$url" || cannot "$target returned no response"
    status=$(status "$last")
    echo "$last  $status (recorded $expected)"
    case $status in
    "$expected") ;;
    401 | 403) [ "${keys:-}" = any ] || cannot 'the key is rejected' ;;
    esac
    case $status in
    "$expected") ;;
    *) [ -n "${differs:-}" ] || differs=$last ;;
    esac
}

# The same, if the script tests keys.
any_key() {
    keys=any
    "$@"
    keys=
}

status() { sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$work/$1"; }

# The values of a member, in the order of a response.
members() {
    tr -d '\r' < "$work/$1" | sed '1,/^$/d' | tr '\n' ' ' | grep -o "\"$2\" *: *\"[^\"]*\"" | sed 's/^[^:]*: *"//; s/"$//'
}

member() {
    case $3 in
    last) members "$1" "$2" | tail -n 1 ;;
    *) members "$1" "$2" | sed -n "$3p" ;;
    esac
}

# Status and code of a response.
# The patterns of `case` expect the space after a status without a code.
response() { echo "$(status "$1") $(member "$1" code 1)"; }

encoded() {
    printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g' | awk '{
        for (i = 45; i < 127; i++) {
            c = sprintf("%c", i)
            if (c ~ /[A-Za-z0-9._~-]/) { gsub("%" sprintf("%02x", i), c) }
        }
        printf "%s", $0
    }'
}

# Only comparable if every response before the marked step has the recorded status.
as_recorded_before() {
    [ -z "${differs:-}" ] || [ "$differs" -ge "$1" ] || { echo "not reproduced: the response to step $differs differs"; exit 0; }
}

# A response to compare with the recorded one: without times and other values that change.
normalized() {
    pairs > "$work/pairs"
    tr -d '\r' < "$work/$1" | PAIRS=$work/pairs LC_ALL=C awk '
        function replaced(text, from, to,    out, at) {
            while ((at = index(text, from)) > 0) {
                out = out substr(text, 1, at - 1) to
                text = substr(text, at + length(from))
            }
            return out text
        }
        function restored(text,    i) {
            for (i = 1; i <= all; i++) text = replaced(text, from[i], to[i])
            gsub(/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](\.[0-9]+)?(Z|\+00:00)/, "TIME", text)
            return text
        }
        BEGIN {
            while ((getline line < ENVIRON["PAIRS"]) > 0) {
                at = index(line, "\t")
                from[++all] = substr(line, 1, at - 1)
                to[all] = substr(line, at + 1)
            }
        }
        NR == 1 { split($0, words, " "); print words[2]; next }
        !body && $0 == "" {
            for (i = 2; i <= count; i++)
                for (j = i; j > 1 && headers[j] < headers[j - 1]; j--) {
                    line = headers[j]; headers[j] = headers[j - 1]; headers[j - 1] = line
                }
            for (i = 1; i <= count; i++) print headers[i]
            if (count == 0) print ""
            print ""
            body = 1
            next
        }
        !body {
            name = tolower(substr($0, 1, index($0, ":") - 1))
            if (name ~ /^(age|alt-svc|connection|content-length|date|etag|keep-alive|server|transfer-encoding|vary|via|x-request-id)$/) next
            value = substr($0, index($0, ":") + 1)
            sub(/^[ \t]*/, "", value)
            headers[++count] = restored(name ": " value)
            next
        }
        { print restored($0) }'
}

pair() {
    [ -z "$1" ] || [ "$1" = "$2" ] || printf '%s\t%s\n' "$1" "$2"
}

# same STEP TEXT: ends the script if a response differs from the recorded one.
same() {
    [ "$(normalized "$1")" = "$2" ] || { echo "not reproduced: the response to step $1 differs"; exit 0; }
}

without_tags() { sed 's/"tag" *: *[-0-9nul]*/"tag":TAG/g'; }

# same_list STEP TEXT OTHERS: the same for a list with offerings that the run did not create. If these differ now, or
# another offering is main, the comparison has no result.
same_list() {
    [ "$(normalized "$1")" != "$2" ] || return 0
    [ "$(members "$1" id | grep -v "^$prefix" | LC_ALL=C sort)" = "$3" ] ||
        cannot "step $1 lists other offerings than recorded: use replay"
    [ "$(normalized "$1" | without_tags)" != "$(printf '%s\n' "$2" | without_tags)" ] ||
        cannot "step $1 lists other offerings than recorded as main: use replay"
    echo "not reproduced: the response to step $1 differs"
    exit 0
}
