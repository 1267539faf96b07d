# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_devenv_init_global_optspecs
    string join \n help version
end

function __fish_devenv_init_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_devenv_init_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_devenv_init_using_subcommand
    set -l cmd (__fish_devenv_init_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c devenv-init -n "__fish_devenv_init_needs_command" -l help -d 'show this, or with a verb the help of that verb'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -l version -d 'show the version'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "up" -d 'start the processes of a spec, supervise and log them, and end with them'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "exec" -d 'run one command as a plain init'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "shell" -d 'enter the shell of a spec'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "check" -d 'say whether a spec is right, and everything that is wrong with it'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "plan" -d 'show what `up` would do'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "status" -d 'show where the processes of a running supervisor stand'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "start" -d 'start processes of a running supervisor, with all their restarts anew'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "stop" -d 'stop processes of a running supervisor, until somebody starts them'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "restart" -d 'stop processes of a running supervisor and start them again'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "signal" -d 'send a signal to processes of a running supervisor'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "logs" -d 'show the last lines that processes of a running supervisor have written'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "wait" -d 'wait until processes of a running supervisor are ready'
complete -c devenv-init -n "__fish_devenv_init_needs_command" -f -a "healthcheck" -d 'say whether processes of a running supervisor are as they should be'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l spec -d 'the spec (default: $DEVENV_INIT_SPEC)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l tasks -d 'a tasks.json of devenv instead' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -s f -l procfile -d 'a Procfile instead, by honcho\'s rules, with these:' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -s e -l env -d 'files of its variables (default: .env)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -s c -l concurrency -d '-p, --port PORT              the base of the ports (default: $PORT, or 5000)' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -s p -l port -d 'the base of the ports (default: $PORT, or 5000)' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l stop-timeout -d 'time for the stop of everything, as in 500ms or 9s' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -s q -l quiet -d 'do not show the output of these processes' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l secret -d 'show *** in place of the values of these variables, not' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l log-format -d 'text (default) or json' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l timestamps -d 'of strftime (default %H:%M:%S), or none' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l log-dir -d 'keep the output of each process, also of quiet ones, in a file of its' -r -f -a "(__fish_complete_directories)"
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l log-file -d 'keep all that is shown in one file as well' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l log-size -d 'begin a new file at that size, as in 512K (default 10M)' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l log-older -d 'keep so many older files of each (default 3)' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l control -d 'the socket for `devenv-init status` and so on; none for none' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l http -d 'answer /livez, /readyz and /metrics there, as in 127.0.0.1:9300 or, at' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l no-prefix -d 'neither time nor name in front of lines'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l colour -d 'colours always, or never (default: on a terminal)'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l no-colour -d 'colours always, or never (default: on a terminal)'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l no-post-mortem -d 'do not explain a bad end (never done where the first end'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand up" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand exec" -l spec -d 'the spec (default: $DEVENV_INIT_SPEC, or none)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand exec" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand shell" -l spec -d 'the spec (default: $DEVENV_INIT_SPEC)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand shell" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand check" -l spec -d 'the spec (default: $DEVENV_INIT_SPEC)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand check" -l tasks -d 'a tasks.json of devenv instead' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand check" -s f -l procfile -d 'a Procfile instead, by honcho\'s rules, with these:' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand check" -s e -l env -d 'files of its variables (default: .env)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand check" -s c -l concurrency -d '-p, --port PORT              the base of the ports (default: $PORT, or 5000)' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand check" -s p -l port -d 'the base of the ports (default: $PORT, or 5000)' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand check" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand plan" -l spec -d 'the spec (default: $DEVENV_INIT_SPEC)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand plan" -l tasks -d 'a tasks.json of devenv instead' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand plan" -s f -l procfile -d 'a Procfile instead, by honcho\'s rules, with these:' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand plan" -s e -l env -d 'files of its variables (default: .env)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand plan" -s c -l concurrency -d '-p, --port PORT              the base of the ports (default: $PORT, or 5000)' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand plan" -s p -l port -d 'the base of the ports (default: $PORT, or 5000)' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand plan" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand status" -l control -d 'the supervisor\'s socket (default: $DEVENV_INIT_CONTROL, or as `up`)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand status" -l json -d 'one line of JSON: {"processes": [...]}, each process with name, kind'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand status" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand start" -l control -d 'the supervisor\'s socket (default: $DEVENV_INIT_CONTROL, or as `up`)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand start" -l no-wait -d 'return at once'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand start" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand stop" -l control -d 'the supervisor\'s socket (default: $DEVENV_INIT_CONTROL, or as `up`)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand stop" -l no-wait -d 'return at once'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand stop" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand restart" -l control -d 'the supervisor\'s socket (default: $DEVENV_INIT_CONTROL, or as `up`)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand restart" -l no-wait -d 'return at once'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand restart" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand signal" -l control -d 'the supervisor\'s socket (default: $DEVENV_INIT_CONTROL, or as `up`)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand signal" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand logs" -s n -l lines -d 'at most N of the last lines of each (default: all, or 10 with -f)' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand logs" -l control -d 'the supervisor\'s socket (default: $DEVENV_INIT_CONTROL, or as `up`)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand logs" -s f -l follow -d 'go on with what they write, until the supervisor ends'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand logs" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand wait" -l timeout -d 'at most that long, as in 500ms or 2m; 0 asks once (default: for ever)' -r -f
complete -c devenv-init -n "__fish_devenv_init_using_subcommand wait" -l control -d 'the supervisor\'s socket (default: $DEVENV_INIT_CONTROL, or as `up`)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand wait" -l ready -d 'wait for readiness (the default, and all there is)'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand wait" -l help -d 'show this'
complete -c devenv-init -n "__fish_devenv_init_using_subcommand healthcheck" -l control -d 'the supervisor\'s socket (default: $DEVENV_INIT_CONTROL, or as `up`)' -r -F
complete -c devenv-init -n "__fish_devenv_init_using_subcommand healthcheck" -l help -d 'show this'
