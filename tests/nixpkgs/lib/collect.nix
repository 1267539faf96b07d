# From what stands in `modules` and `imports` (paths, functions, sets) to a flat list of
# `{ file, options, config }`, each module once.
{ lib, strings }:
let
  reserved = [ "_file" "_class" "key" "imports" "options" "config" "disabledModules" "freeformType" "meta" ];

  isFile = x: builtins.isPath x || builtins.isString x || (builtins.isAttrs x && x ? outPath);

  # A function is called with the arguments it names, so that `{ pkgs, ... }:` may rely on
  # `_module.args` being looked up only when the argument is used.
  call = lookup: args: function:
    function (builtins.mapAttrs (name: _: lookup name) (builtins.functionArgs function) // args);

  normalise = file: module:
    let
      structured = module ? config || module ? options;
      stray = builtins.attrNames (removeAttrs module reserved);
      own = if structured then module.config or { } else removeAttrs module reserved;
    in
    if structured && stray != [ ] then
      throw "Module `${toString file}' has an unsupported attribute `${builtins.head stray}'. Beside `config' or `options', definitions belong under `config'."
    else
      {
        file = module._file or file;
        imports = module.imports or [ ];
        options = module.options or { };
        config =
          if module ? freeformType then { _type = "merge"; contents = [ own { _module.freeformType = module.freeformType; } ]; }
          else own;
      };

  load = lookup: args: file: key: module:
    if isFile module then load lookup args (toString module) (toString module) (import module)
    else if builtins.isFunction module then load lookup args file key (call lookup args module)
    else if builtins.isAttrs module then normalise file module // { key = module.key or key; }
    else throw "Expected a module, but `${toString file}' is of type `${builtins.typeOf module}'.";

  children = lookup: args: parent: file: modules:
    lib.imap1 (at: module: load lookup args file "${parent}:anon-${toString at}" module) modules;
in
{
  collect = lookup: args: modules:
    builtins.genericClosure {
      startSet = children lookup args "" "<unknown-file>" modules;
      operator = module: children lookup args module.key module.file module.imports;
    };
}
