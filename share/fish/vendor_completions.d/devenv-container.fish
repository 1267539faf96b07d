# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_devenv_container_global_optspecs
    string join \n C/directory= file= flake= nixpkgs= init= system= platform= verbose refresh-eval-cache no-eval-cache h/help V/version compression= compression-level= r/registry= copy-args= copy-args-file= password-stdin mount-from= q/quiet json
end

function __fish_devenv_container_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_devenv_container_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_devenv_container_using_subcommand
    set -l cmd (__fish_devenv_container_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c devenv-container -n "__fish_devenv_container_needs_command" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_needs_command" -s r -l registry -d 'Where to copy to, with the image\'s name and tag added: as in `docker://registry.example.com/me/`' -r -f
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l copy-args -d 'Arguments as `skopeo copy` takes them, such as `--dest-creds=USER:PASSWORD`; may be given several times, and hold several arguments, with blanks between them, in a shell\'s quotes' -r -f
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l copy-args-file -d 'File that holds such arguments, a zero byte after each, as scripts write them: nobody sees what is secret in them, as they would in a list of processes' -r -F
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l mount-from -d 'Repository of the registry that has some of the layers: they are mounted instead of sent' -r -f
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -s h -l help -d 'Print help'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -s V -l version -d 'Print version'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l password-stdin -d 'Read the password of --dest-username from standard input'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -s q -l quiet -d 'Say nothing but errors'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -l json -d 'Tell what happens as JSON, one object a line, on standard output'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "build" -d 'Build a container and print the path of its description'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "copy" -d 'Copy a container to a registry, the Docker daemon, an archive or a directory'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "digest" -d 'Print the digest an image has once it is pushed'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "run" -d 'Run a container'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "plan" -d 'Tell what a push to a registry would send'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "inspect" -d 'Show what an image is and holds'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "explain" -d 'Tell what takes the space in an image and why it is there'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "diff" -d 'Compare two images'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "list" -d 'List the project\'s containers'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "lock" -d 'Write down which images of registries the project builds on, and its inputs\' revisions'
complete -c devenv-container -n "__fish_devenv_container_needs_command" -f -a "init" -d 'Add what a folder lacks to be a project, and replace nothing'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l max-size -d 'Fail when the image is larger, as in 200M, and name what takes the most: K, M, G and T (or KiB, MiB, …) count in 1024, KB, MB, GB and TB in 1000, none in bytes' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l json -d 'Print JSON, one object a platform'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand build" -s h -l help -d 'Print help'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -s r -l registry -d 'Where to copy to, with the image\'s name and tag added: as in `docker://registry.example.com/me/`' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l copy-args -d 'Arguments as `skopeo copy` takes them, such as `--dest-creds=USER:PASSWORD`; may be given several times, and hold several arguments, with blanks between them, in a shell\'s quotes' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l copy-args-file -d 'File that holds such arguments, a zero byte after each, as scripts write them: nobody sees what is secret in them, as they would in a list of processes' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l mount-from -d 'Repository of the registry that has some of the layers: they are mounted instead of sent' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l dest-creds -d 'Log in as this user; lists of processes show a password that is given here, and not one of --password-stdin' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l dest-username -d 'Log in as this user, with --dest-password or --password-stdin' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l dest-password -d 'Password of --dest-username' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l dest-registry-token -d 'Show this token instead of logging in' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l dest-authfile -d 'Credentials, as docker login and podman login leave them' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l dest-cert-dir -d 'Certificates for the registry, or for the engine, and to show to it; of a registry otherwise HOST[:PORT] in ~/.config/containers/certs.d, /etc/containers/certs.d or /etc/docker/certs.d' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l dest-daemon-host -d 'Docker Engine to copy to in place of the usual one' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l digestfile -d 'Write the digest to this file, too' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l retry-times -d 'How often to try again what failed for a moment [default: 5]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l format -d 'Manifests as OCI has them (oci) or, in registries, as Docker had them before (v2s2) [default: oci]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l dest-tls-verify[ -d 'Trust a registry only by TLS and its certificate [default: true]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l dest-no-creds[ -d 'Do not log in' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -s h -l help -d 'Print help'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l password-stdin -d 'Read the password of --dest-username from standard input'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -s q -l quiet -d 'Say nothing but errors'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand copy" -l json -d 'Tell what happens as JSON, one object a line, on standard output'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l format -d 'How its manifest is written: as OCI has them (oci), or as Docker had them before (v2s2); by default as the project\'s `defaultCopyArgs` say, or oci' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l json -d 'Print JSON'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand digest" -s h -l help -d 'Print help'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l engine -d 'What runs it; by default Docker when its daemon answers or one is named (DOCKER_HOST, a context), native otherwise' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -s p -l publish -d 'Publish a port of the container; natively it is the host\'s anyway, and one below 1024 only where the sysctl net.ipv4.ip_unprivileged_port_start lets anybody have it' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -s v -l volume -d 'Show a directory or file of the host in the container; natively options other than `ro` and `rw` are about SELinux and do nothing' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -s e -l env -d 'Set a variable, or pass on the one of this name' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l init -d 'Program to put into the image as PID 1; by default the one beside this program' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l user -d 'Run as another user than the image\'s' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -s w -l workdir -d 'Start in another directory than the image\'s' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l network -d 'Network of Docker or Podman to use; natively host, which is the default, or none' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l copy-args -d 'Arguments of the copy to Docker, as `skopeo copy` takes them: `--dest-daemon-host` and `--dest-cert-dir` say which Docker' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l read-only -d 'Make the root read-only'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l as-image -d 'Unpack the layers as they would be pushed, prove that they hold what would be mounted (code 65 when they do not), and run what was unpacked; native engine only. Names, types, modes, targets of links and contents are compared, owners as far as you may set them; extended attributes, file capabilities among them, devices, and times are not'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand run" -s h -l help -d 'Print help (see a summary with \'-h\')'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l to -d 'Where it would go: docker://HOST/NAME[:TAG]. The registry is asked for no more than to be read: whether you may push shows when you do' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l copy-args -d 'Arguments as `skopeo copy` takes them, such as `--dest-creds=USER:PASSWORD`; may be given several times, and hold several arguments, with blanks between them, in a shell\'s quotes' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l copy-args-file -d 'File that holds such arguments, a zero byte after each, as scripts write them: nobody sees what is secret in them, as they would in a list of processes' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l mount-from -d 'Repository of the registry that has some of the layers: they are mounted instead of sent' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l dest-creds -d 'Log in as this user; lists of processes show a password that is given here, and not one of --password-stdin' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l dest-username -d 'Log in as this user, with --dest-password or --password-stdin' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l dest-password -d 'Password of --dest-username' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l dest-registry-token -d 'Show this token instead of logging in' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l dest-authfile -d 'Credentials, as docker login and podman login leave them' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l dest-cert-dir -d 'Certificates for the registry, or for the engine, and to show to it; of a registry otherwise HOST[:PORT] in ~/.config/containers/certs.d, /etc/containers/certs.d or /etc/docker/certs.d' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l dest-daemon-host -d 'Docker Engine to copy to in place of the usual one' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l digestfile -d 'Write the digest to this file, too' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l retry-times -d 'How often to try again what failed for a moment [default: 5]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l format -d 'Manifests as OCI has them (oci) or, in registries, as Docker had them before (v2s2) [default: oci]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l dest-tls-verify[ -d 'Trust a registry only by TLS and its certificate [default: true]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l dest-no-creds[ -d 'Do not log in' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l json -d 'Print JSON'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -s h -l help -d 'Print help'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand plan" -l password-stdin -d 'Read the password of --dest-username from standard input'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l json -d 'Print the description as it is, in JSON'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand inspect" -s h -l help -d 'Print help'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -s n -l limit -d 'Show at most this many paths, folders and files [default: 20]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l html -d 'Write a page with a map of the image, too' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l max-size -d 'Fail when the image is larger, as in 200M, and name what takes the most: K, M, G and T (or KiB, MiB, …) count in 1024, KB, MB, GB and TB in 1000, none in bytes' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l json -d 'Print JSON, one object a line'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand explain" -s h -l help -d 'Print help'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l json -d 'Print JSON'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand diff" -s h -l help -d 'Print help'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l json -d 'Print JSON'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand list" -s h -l help -d 'Print help'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l copy-args -d 'Arguments as `skopeo copy` takes them, such as `--dest-creds=USER:PASSWORD`; may be given several times, and hold several arguments, with blanks between them, in a shell\'s quotes' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l copy-args-file -d 'File that holds such arguments, a zero byte after each, as scripts write them: nobody sees what is secret in them, as they would in a list of processes' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l update -d 'Ask also for images and inputs that are written down already'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -s h -l help -d 'Print help'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand lock" -l password-stdin -d 'Read the password of --dest-username from standard input'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -s C -l directory -d 'Directory of the project; by default the nearest one upwards with a devenv.nix' -r -f -a "(__fish_complete_directories)"
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l module -d 'Have the command line of devenv make these images, too, by our module from here, as in path:/somewhere/devenv-init' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l file -d 'File that describes the project in place of a devenv.nix' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l flake -d 'Flake with the containers, as in `github:owner/repo`; NAME may be FLAKE#NAME as well' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l nixpkgs -d 'Package set to use instead of the project\'s' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l init -d 'Program to put into the image as PID 1; by default the one beside this program [env: DEVENV_INIT=]' -r -F
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l system -d 'System to build for, such as x86_64-linux; by default this machine\'s, on macOS that of Linux on the same processor' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l platform -d 'What the image is for, linux/amd64 or linux/arm64. Several, with commas between them, are one index: for build, copy to a registry or an OCI layout or archive, digest, inspect, plan, list and lock' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l compression -d 'Compress layers with gzip (the default), zstd (smaller and faster, for engines from 2023 on) or none, in registries and OCI layouts [possible values: gzip, zstd, none]' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l compression-level -d 'Level of the compression: 0 to 12 for gzip (1), 1 to 19 for zstd (3)' -r -f
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l verbose -d 'Show what Nix says while it works'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l refresh-eval-cache -d 'Evaluate the project even if nothing it looked at has changed, and remember what it comes to'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -l no-eval-cache -d 'Evaluate the project, and neither use nor keep what is remembered'
complete -c devenv-container -n "__fish_devenv_container_using_subcommand init" -s h -l help -d 'Print help'
