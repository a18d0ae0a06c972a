# bash completion of model-injector; load it with: source <(model-injector completion bash)
# Works from bash 3.2 on, which macOS has: it has no compopt, and no words[-1].
_model_injector() {
  local tab=$'\t' line=$COMP_LINE directive=0 answer word i
  local words=()
  # Bash splits words at = and :, too; those without white space between them are one.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((i == 0)) || [[ $line == [[:space:]]* ]]; then
      words[${#words[@]}]=$word
    else
      words[${#words[@]}-1]+=$word
    fi
    line=${line#"${line%%[![:space:]]*}"}
    line=${line#"$word"}
  done
  answer=$(model-injector __complete "${words[@]:1}" 2>/dev/null) || return
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) directive=${line#:} ;;
      ?*) COMPREPLY[${#COMPREPLY[@]}]=${line%%"$tab"*} ;;
    esac
  done <<<"$answer"
  if ((directive & 2)); then compopt -o nospace 2>/dev/null; fi
  if ((directive & 4)); then compopt +o default 2>/dev/null; fi
  if ((directive & 16)); then compopt -o dirnames +o default 2>/dev/null; fi
  return 0
}
complete -o default -F _model_injector model-injector
