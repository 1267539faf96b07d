# Files whose change has a process started anew: from devenv's `processes.<name>.watch` to the spec.
{ lib }:
let
  # Where it is in the image. The project is copied to the container's working directory, so what is
  # below its folder is below that.
  placed = folder: path:
    let text = toString path; in
    if text == folder then "."
    else if lib.hasPrefix "${folder}/" text then lib.removePrefix "${folder}/" text
    else text;

  given = lib.filterAttrs (_: value: value != [ ]);
in
{
  /** The field, in a set to be merged; empty where nothing is watched. `folder` is the project's own. */
  of = { folder, process }:
    let watch = process.watch or { }; in
    lib.optionalAttrs ((watch.paths or [ ]) != [ ]) {
      watch = { paths = map (placed folder) watch.paths; }
        // given { extensions = watch.extensions or [ ]; ignore = watch.ignore or [ ]; };
    };
}
