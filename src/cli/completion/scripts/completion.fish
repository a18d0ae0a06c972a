# fish completion of model-injector; load it with: model-injector completion fish | source
function __model_injector_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l answer (model-injector __complete $words[2..-1] "$word" 2>/dev/null)
    test (count $answer) -gt 0; or return
    set -l flag (string match -r -- '^-[^=]*=' "$word")
    set -l value (string replace -- "$flag" '' "$word")
    if test (count $answer) -gt 1
        printf '%s\n' "$flag"$answer[1..-2]
    else if test $answer[-1] = :16
        __fish_complete_directories "$value" | string replace -r '^' -- "$flag"
    else if test $answer[-1] = :0
        __fish_complete_path "$value" | string replace -r '^' -- "$flag"
    end
end
complete -c model-injector -f -a '(__model_injector_complete)'
