# The reference of all options as Markdown, made from the modules themselves: docs/options.md.
#
#     nix-instantiate --eval --json nix/reference.nix --arg lib 'import ./tests/nixpkgs/lib' | jq -r .
{ lib ? import <nixpkgs/lib> }:
let
  evaluated = lib.evalModules {
    specialArgs = { inputs = { }; projectSource = "/project"; };
    # No package is needed to say what may be written.
    modules = [ ./modules { _module.args.pkgs = throw "the reference of options looked at the package set"; } ];
  };

  # Every option people may set, with those of the sets it holds after it.
  walk = options:
    lib.concatMap (option:
      if !(lib.isOption option) then walk option
      else if option.internal or false then [ ]
      else [ option ] ++ walk (option.type.getSubOptions option.loc)
    ) (lib.attrValues (removeAttrs options [ "_module" "_freeformOptions" ]));

  # A value as it would be written in Nix.
  show = value:
    if value ? _type then value.text
    else if builtins.isList value then (if value == [ ] then "[ ]" else "[ ${lib.concatMapStringsSep " " show value} ]")
    else if builtins.isAttrs value then
      (if value == { } then "{ }" else "{ ${lib.concatStringsSep " " (lib.mapAttrsToList definition value)} }")
    else builtins.toJSON value;

  definition = name: value: "${lib.showOption [ name ]} = ${show value};";

  code = value: if (value._type or "") == "literalMD" then value.text else "`${show value}`";

  # The name of an option as it is set: `<name>` stands for any, `*` for an element of a list.
  nameOf = option: lib.concatStringsSep "." option.loc;

  preface = lib.concatStringsSep "\n" [
    "# Options"
    ""
    "What a `devenv.nix` may say when `devenv-container` evaluates it by itself. Names, types and defaults are"
    "devenv's. With devenv's own modules all of theirs are there as well, and of these those that devenv does"
    "not have: everything below `init`, and some of `containers.<name>`."
  ];

  section = option: lib.concatStringsSep "\n" (
    [ "## `${nameOf option}`" "" (lib.trim option.description) "" "- Type: ${option.type.description}" ]
    ++ lib.optional (option ? defaultText || option ? default) "- Default: ${code (option.defaultText or option.default)}"
    ++ lib.optional (option ? example) "- Example: ${code option.example}"
    ++ lib.optional (option.readOnly or false) "- Read-only"
  );
in
lib.concatMapStringsSep "\n\n" (text: text) ([ preface ] ++ map section (walk evaluated.options)) + "\n"
