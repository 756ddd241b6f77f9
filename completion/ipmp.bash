# bash completion for ipmp, ipmpstat and if_mpadm: the tools know their words themselves (see `ipmp complete` in
# src/tools/completion.hpp), so nothing of their grammar is here.
_ipmp() {
    local line=${COMP_LINE:0:COMP_POINT} word
    local -a words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    words[0]=${COMP_WORDS[0]}
    mapfile -t COMPREPLY < <(ipmp complete "${words[@]}" 2>/dev/null)
    # readline takes a colon for the end of a word: what is before it stays on the line as it is.
    word=${words[-1]}
    [[ $COMP_WORDBREAKS == *:* && $word == *:* ]] && COMPREPLY=("${COMPREPLY[@]#"${word%:*}:"}")
    # Behind import, save and the like there are files, too, which bash offers itself if there is no candidate.
    return 0
}
complete -o bashdefault -o default -F _ipmp ipmp ipmpstat if_mpadm
