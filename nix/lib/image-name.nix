# What a container's image is called where nobody says otherwise. The two default containers are called
# what they are, all others after the project as well.
{ lib }:
let
  fail = import ./fail.nix;
in
{
  /**
    The name of the image of `container` in a project called `project`, which may be null. Registries know
    lower-case letters only.
  */
  of = project: container:
    if lib.elem container [ "processes" "shell" ] then container
    else if project == null then
      fail "container `${container}` has no name"
        "set `name = \"myproject\";` or `containers.${container}.name = \"mycontainer\";`"
    else lib.toLower "${project}-${container}";

  /** The tag. */
  version = "latest";

  /** A function of an option's value: null, which devenv's types allow, says nothing. */
  unless = default: value: if value == null then default else value;
}
