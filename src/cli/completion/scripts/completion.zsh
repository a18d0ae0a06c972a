#compdef model-injector
# zsh completion of model-injector; load it with: source <(model-injector completion zsh)
_model-injector() {
  local tab=$'\t' directive=0 answer line
  local -a candidates suffix
  answer=$(model-injector __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null) || return
  for line in "${(@f)answer}"; do
    case $line in
      :*) directive=${line#:} ;;
      *$tab*) candidates+=("${${line%%$tab*}//:/\\:}:${line#*$tab}") ;;
      ?*) candidates+=("${line//:/\\:}") ;;
    esac
  done
  [[ $PREFIX == -*=* ]] && compset -P '*='
  (( directive & 2 )) && suffix=(-S '')
  if (( $#candidates )); then
    _describe -t values value candidates "${suffix[@]}"
  elif (( directive & 16 )); then
    _files -/
  elif (( ! (directive & 4) )); then
    _files
  fi
}
compdef _model-injector model-injector
# As a file in fpath, it is called when the first completion is wanted.
if [[ ${funcstack[1]} == _model-injector ]]; then _model-injector "$@"; fi
