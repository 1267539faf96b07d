# Run in place of a shell derivation's own builder: sets up the environment as the shell would have
# it and writes it down twice, as JSON for programs and as a script for bash.
#
# It uses nothing but bash, and of bash only what a build without completion has: the shells of a
# standard environment lack `compgen`. Every name it defines begins with `__capture`, and none of
# those is written down.

set -e
__capture_out=$out
__capture_script=$envScript
if [[ -e ${NIX_ATTRS_SH_FILE:-.attrs.sh} ]]; then
    source "${NIX_ATTRS_SH_FILE:-.attrs.sh}"
    __capture_out=${outputs[out]}
    __capture_script=${outputs[envScript]}
fi
unset envScript
export IN_NIX_SHELL=impure
if [[ -n ${stdenv:-} ]]; then source "$stdenv/setup"; fi
set +eu
IFS=$' \t\n'

# Names of bash itself, of this script and of the sandbox. They mean something else in another shell.
__capture_is_foreign() {
    case $1 in
        BASH | BASHOPTS | BASHPID | BASH_* | COMP_* | DIRSTACK | EPOCH* | EUID | FUNCNAME | GROUPS | \
        HISTCMD | HOSTNAME | HOSTTYPE | IFS | LINENO | MACHTYPE | OLDPWD | OPTARG | OPTERR | OPTIND | \
        OSTYPE | PIPESTATUS | PPID | PS4 | PWD | RANDOM | SECONDS | SHELLOPTS | SHLVL | SRANDOM | UID | _ | \
        HOME | NIX_ATTRS_* | NIX_BUILD_TOP | NIX_ENFORCE_PURITY | NIX_LOG_FD | NIX_REMOTE | \
        SSL_CERT_FILE | NIX_SSL_CERT_FILE | TEMP | TEMPDIR | TERM | TMP | TMPDIR | TZ | __capture* | __devenv_append) return 0 ;;
    esac
    return 1
}

# A JSON string. Control characters without an escape of their own are written as \u00XX.
__capture_string() {
    # In this locale a character is a byte, whatever bytes there are.
    local text=$1 code character escape LC_ALL=C
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    text=${text//$'\r'/\\r}
    text=${text//$'\t'/\\t}
    if [[ $text == *[$'\001'-$'\037']* ]]; then
        for code in {1..31}; do
            printf -v escape '\\u%04x' "$code"
            printf -v character '%b' "$(printf '\\%03o' "$code")."
            text=${text//"${character%.}"/$escape}
        done
    fi
    printf '"%s"' "$text"
}

# The kind of a variable in the words of `nix print-dev-env --json`, from bash's attribute letters.
__capture_kind() {
    case $1 in
        *A*) echo associative ;;
        *a*) echo array ;;
        *x*) echo exported ;;
        *n*) echo unknown ;;
        *) echo var ;;
    esac
}

__capture_value() {
    local -n __capture_ref=$1
    local key separator=
    case $2 in
        exported | var) __capture_string "${!1}" ;;
        array)
            printf '['
            for key in "${__capture_ref[@]}"; do
                printf '%s' "$separator"
                __capture_string "$key"
                separator=,
            done
            printf ']'
            ;;
        associative)
            printf '{'
            for key in "${!__capture_ref[@]}"; do
                printf '%s' "$separator"
                __capture_string "$key"
                printf ':'
                __capture_string "${__capture_ref[$key]}"
                separator=,
            done
            printf '}'
            ;;
        *) printf 'null' ;;
    esac
}

# Every name bash knows, by first letter: `declare -p` without a name would mix names with values
# that have several lines.
__capture_names=()
for __capture_letter in {a..z} {A..Z} _; do
    eval "__capture_names+=(\"\${!$__capture_letter@}\")"
done

__capture_flags() {
    local text
    text=$(declare -p "$1" 2>/dev/null) || return 1
    text=${text#declare -}
    printf '%s' "${text%%[[:space:]]*}"
}

{
    printf '{"variables":{'
    __capture_separator=
    for __capture_name in "${__capture_names[@]}"; do
        if __capture_is_foreign "$__capture_name"; then continue; fi
        __capture_letters=$(__capture_flags "$__capture_name") || continue
        __capture_type=$(__capture_kind "$__capture_letters")
        printf '%s\n' "$__capture_separator"
        __capture_string "$__capture_name"
        printf ':{"type":"%s","value":' "$__capture_type"
        __capture_value "$__capture_name" "$__capture_type"
        printf '}'
        __capture_separator=,
    done
    printf '},\n"bashFunctions":{'
    __capture_separator=
    while read -r _ _ __capture_name; do
        if __capture_is_foreign "$__capture_name"; then continue; fi
        __capture_body=$(declare -f "$__capture_name")
        __capture_body=${__capture_body#*\{}
        printf '%s\n' "$__capture_separator"
        __capture_string "$__capture_name"
        printf ':'
        __capture_string "${__capture_body%\}*}"
        __capture_separator=,
    done < <(declare -F)
    printf '}}\n'
} > "$__capture_out"

# The script is sourced by an interactive shell as its `--rcfile`, or by a script before a command.
# `declare -g` because that command may source it from within a function. The output of this build is
# no part of the environment. Compiler flags mention it, some by its hash alone, and any mention
# would drag it into the image, so path and hash are replaced.
__capture_hash=${__capture_out##*/}
__capture_hash=${__capture_hash%%-*}
__capture_place() {
    local text=${1//"$__capture_out"/\/env\/outputs\/out}
    printf '%s\n' "${text//"$__capture_hash"/00000000000000000000000000000000}"
}

# Appends those entries of a search path that it does not have yet, and no empty one. It makes no
# temporary file, which a here string may: the root file system can be read-only.
__devenv_append() {
    local rest=${!1-}:$2: joined= entry
    while [[ -n $rest ]]; do
        entry=${rest%%:*}
        rest=${rest#*:}
        [[ -z $entry || :$joined: == *":$entry:"* ]] || joined+=${joined:+:}$entry
    done
    printf -v "$1" '%s' "$joined"
}

{
    printf '%s\n' \
        'if [[ -n ${PS1-} && -e ~/.bashrc ]]; then source ~/.bashrc; fi' \
        '__devenv_path=${PATH-} __devenv_data_dirs=${XDG_DATA_DIRS-}' \
        'unset shellHook'
    declare -f __devenv_append
    for __capture_name in "${__capture_names[@]}"; do
        if __capture_is_foreign "$__capture_name"; then continue; fi
        __capture_letters=$(__capture_flags "$__capture_name") || continue
        # A read-only variable of this shell may be one of the other shell, too.
        if [[ $__capture_letters == *r* ]]; then continue; fi
        __capture_text=$(declare -p "$__capture_name")
        __capture_place "declare -g ${__capture_text#declare }"
    done
    while read -r _ _ __capture_name; do
        if __capture_is_foreign "$__capture_name"; then continue; fi
        declare -f "$__capture_name"
    done < <(declare -F)
    printf '%s\n' \
        '__devenv_append PATH "$__devenv_path"' \
        '__devenv_append XDG_DATA_DIRS "$__devenv_data_dirs"' \
        'unset __devenv_path __devenv_data_dirs' \
        'unset -f __devenv_append' \
        'eval "${shellHook-}"' \
        'if [[ -n ${PS1-} && $PS1 != *"(devenv)"* ]]; then PS1="(devenv) $PS1"; fi'
} > "$__capture_script"
