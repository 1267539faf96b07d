# Files whose change has a process started anew, and those that a task is about: from devenv's
# `processes.<name>.watch` and `tasks.<name>.execIfModified` to the spec.
{ lib }:
let
  fail = import ./fail.nix;

  # Where it is in the image. The project is copied to the container's working directory, so what is
  # below its folder is below that.
  placed = { folder, option }: path:
    let text = toString path; in
    if text == folder then "."
    else if lib.hasPrefix "${folder}/" text then lib.removePrefix "${folder}/" text
    # As in a flake, whose own files are copied to the store before they are looked at.
    else if lib.hasPrefix "${builtins.storeDir}/" text then
      fail "`${option}`: ${builtins.unsafeDiscardStringContext text} is in the store, where nothing ever changes"
        "name what is in the project: \"\${config.devenv.root}/${lib.last (lib.splitString "/" (builtins.unsafeDiscardStringContext text))}\""
    else text;

  given = lib.filterAttrs (_: value: value != [ ]);
in
{
  /**
    The field, in a set to be merged; empty where nothing is watched. `folder` is the project's own,
    `option` is the path of the process for messages.
  */
  of = { folder, option, process }:
    let watch = process.watch or { }; in
    lib.optionalAttrs ((watch.paths or [ ]) != [ ]) {
      watch = { paths = map (placed { inherit folder; option = "${option}.watch.paths"; }) watch.paths; }
        // given { extensions = watch.extensions or [ ]; ignore = watch.ignore or [ ]; };
    };

  /** The patterns of a task; one that begins with `!` takes paths away, wherever they are. */
  patterns = { folder, option }: map (pattern:
    let place = placed { inherit folder; option = "${option}.execIfModified"; }; in
    if lib.hasPrefix "!" pattern then "!${place (lib.removePrefix "!" pattern)}" else place pattern);
}
